package main

import (
	"bufio"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// launch measures the start of a single service by one call to the daemon.
func (b *bench) launch() ([]row, error) {
	if err := b.prepare("launch", 1); err != nil {
		return nil, err
	}
	ours, err := b.repeat("launch", 1, b.rounds, b.callStart)
	if err != nil {
		return nil, err
	}
	floor, err := b.floorStarts(1, b.rounds)
	return []row{{what: "call to a service's first instruction", unit: "ms", ours: ours, floor: floor}}, err
}

// startHundred measures a hundred services at once: from the call to the
// daemon, and from the moment at which a person presses return.
func (b *bench) startHundred() ([]row, error) {
	const hundred = 100
	if err := b.prepare("hundred", hundred); err != nil {
		return nil, err
	}
	called, err := b.repeat("hundred", hundred, b.starts, b.callStart)
	if err != nil {
		return nil, err
	}
	typed, err := b.repeat("hundred", hundred, b.starts, b.typeStart)
	if err != nil {
		return nil, err
	}
	floor, err := b.floorStarts(hundred, b.starts)
	return []row{
		{what: "start of 100 services, by call", unit: "ms", ours: called, floor: floor, maxRatio: 3},
		{what: "start of 100 services, by command", unit: "ms", ours: typed, floor: floor},
	}, err
}

// prepare installs a project of so many services and leaves it stopped.
func (b *bench) prepare(project string, services int) error {
	if err := b.write(project, services); err != nil {
		return err
	}
	return b.install(project, services)
}

// install does that for a manifest that is written.
func (b *bench) install(project string, services int) error {
	if err := b.sysg("start", "--daemonize", "-c", project+".yaml"); err != nil {
		return err
	}
	if err := b.births(services); err != nil {
		return err
	}
	return b.sysg("stop", "-p", project)
}

// repeat starts the project, waits for all of its services, and stops it again.
func (b *bench) repeat(project string, services, rounds int, start func(project string) (finish func() error, err error)) ([]float64, error) {
	var times []float64
	for range rounds {
		began := now()
		finish, err := start(project)
		if err != nil {
			return nil, err
		}
		var last int64
		for range services {
			born, err := b.next()
			if err != nil {
				return nil, err
			}
			last = max(last, born.ns)
		}
		times = append(times, millis(last-began))
		if err := errors.Join(finish(), b.sysg("stop", "-p", project)); err != nil {
			return nil, err
		}
	}
	return times, nil
}

// callStart asks the daemon; what it returns waits for the answer.
func (b *bench) callStart(project string) (func() error, error) {
	return b.call("org.systemg.Control.Start", map[string]any{"project": project, "generation": 0, "services": []string{}, "foreground": false})
}

// typeStart runs `sysg start -p`.
func (b *bench) typeStart(project string) (func() error, error) {
	command := exec.Command(filepath.Join(b.bin, "sysg"), "start", "--daemonize", "-c", project+".yaml")
	command.Env, command.Dir = b.env, b.folder
	return command.Wait, command.Start()
}

// floorStarts lets the C loop start the same program as often.
func (b *bench) floorStarts(services, rounds int) ([]float64, error) {
	var times []float64
	for range rounds {
		taken, err := b.floorStart(services)
		if err != nil {
			return nil, fmt.Errorf("the floor: %w", err)
		}
		times = append(times, taken)
	}
	return times, nil
}

func (b *bench) floorStart(services int) (float64, error) {
	command := exec.Command(b.floor, "start", b.stamp, b.fifo, strconv.Itoa(services))
	input, err1 := command.StdinPipe()
	output, err2 := command.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return 0, err
	}
	if err := command.Start(); err != nil {
		return 0, err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return 0, err
	}
	began, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return 0, err
	}
	var last int64
	for range services {
		born, err := b.next()
		if err != nil {
			return 0, err
		}
		last = max(last, born.ns)
	}
	// The end of its input tells it to end what it started.
	return millis(last - began), errors.Join(input.Close(), command.Wait())
}
