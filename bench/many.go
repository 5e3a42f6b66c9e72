package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// many is how many services a large project has here.
const many = 500

// writeMany writes the manifest of a large project. The environment of one
// service is given, so that another value is a change of that one alone.
func (b *bench) writeMany(value string) error {
	var text strings.Builder
	text.WriteString("version: \"3\"\nproject: many\nservices:\n")
	for n := range many {
		fmt.Fprintf(&text, "  s%d: {exec: [%q, %q], restart_policy: always", n, b.stamp, b.fifo)
		if n == many/2 {
			fmt.Fprintf(&text, ", env: {vars: {VALUE: %q}}", value)
		}
		text.WriteString("}\n")
	}
	return os.WriteFile(filepath.Join(b.folder, "many.yaml"), []byte(text.String()), 0o600)
}

// startMany starts the large project and waits until all of it runs.
func (b *bench) startMany() error {
	if err := b.writeMany("0"); err != nil {
		return err
	}
	if err := b.sysg("start", "--daemonize", "-c", "many.yaml"); err != nil {
		return err
	}
	return b.births(many)
}

// births takes what so many services say first.
func (b *bench) births(count int) error {
	for range count {
		if _, err := b.next(); err != nil {
			return err
		}
	}
	return nil
}

// reconcile changes one service of many and measures from the moment at which a
// person presses return to the first instruction of its replacement.
func (b *bench) reconcile() ([]row, error) {
	if err := b.startMany(); err != nil {
		return nil, err
	}
	var times []float64
	for round := range b.starts {
		if err := b.writeMany(fmt.Sprint(round + 1)); err != nil {
			return nil, err
		}
		began := now()
		command := exec.Command(filepath.Join(b.bin, "sysg"), "restart", "-c", "many.yaml")
		command.Env, command.Dir = b.env, b.folder
		if err := command.Start(); err != nil {
			return nil, err
		}
		born, err := b.next()
		if err != nil {
			return nil, err
		}
		times = append(times, millis(born.ns-began))
		if err := command.Wait(); err != nil {
			return nil, fmt.Errorf("sysg restart: %w", err)
		}
		if err := b.silence(); err != nil {
			return nil, err
		}
	}
	return []row{{what: fmt.Sprintf("reconcile of %d services, one changed", many), unit: "ms", ours: times, limit: 100}}, b.sysg("stop", "-p", "many")
}

// silence makes sure that no other service was started.
func (b *bench) silence() error {
	if err := b.reader.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		return err
	}
	var more [1]byte
	if n, _ := b.reader.Read(more[:]); n > 0 {
		return fmt.Errorf("a service was restarted that was not changed")
	}
	return nil
}

// statusOfMany asks for the state of many services while all of them are being
// restarted, and while one of them takes its time to stop.
func (b *bench) statusOfMany() ([]row, error) {
	if err := b.startMany(); err != nil {
		return nil, err
	}
	var rows []row
	for _, asked := range []struct {
		how string
		ask func() error
	}{{"call", b.callStatus}, {"command", b.typeStatus}} {
		times, err := b.whileRestarting(asked.ask)
		if err != nil {
			return nil, err
		}
		row := row{what: fmt.Sprintf("status of %d services being restarted, by %s", many, asked.how), unit: "ms", ours: times}
		if asked.how == "call" {
			row.limit = 25
		}
		rows = append(rows, row)
	}
	return rows, b.sysg("stop", "-p", "many")
}

// whileRestarting asks again and again while a restart of everything goes on.
func (b *bench) whileRestarting(ask func() error) ([]float64, error) {
	var times []float64
	for range 3 {
		restarted := make(chan error, 1)
		go func() { restarted <- b.sysg("restart", "-p", "many") }()
		born := make(chan error, 1)
		go func() { born <- b.births(many) }()
		for running := true; running; {
			began := now()
			if err := ask(); err != nil {
				return nil, err
			}
			times = append(times, millis(now()-began))
			select {
			case err := <-restarted:
				if err != nil {
					return nil, err
				}
				running = false
			default:
			}
		}
		if err := <-born; err != nil {
			return nil, err
		}
	}
	return times, nil
}

func (b *bench) callStatus() error {
	wait, err := b.call("org.systemg.Control.Status", map[string]any{"project": "many", "services": []string{}})
	if err != nil {
		return err
	}
	return wait()
}

// typeStatus runs the command, whose exit code tells of health.
func (b *bench) typeStatus() error {
	command := exec.Command(filepath.Join(b.bin, "sysg"), "status", "-p", "many", "--format", "json")
	command.Env, command.Dir = b.env, b.folder
	if err := command.Run(); err != nil && command.ProcessState == nil {
		return err
	}
	return nil
}
