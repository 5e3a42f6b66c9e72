package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// bench is one instance of sysg in folders of its own, the compiled C programs,
// and the FIFO on which services tell that they run.
type bench struct {
	settings
	folder string
	env    []string
	stamp  string
	floor  string
	probe  string
	fifo   string
	stamps *bufio.Scanner
	reader *os.File
}

// birth is what a service says first: who it is, and when that was.
type birth struct {
	pid int
	ns  int64
}

func newBench(s settings) (*bench, error) {
	bin, err := filepath.Abs(s.bin)
	if err != nil {
		return nil, err
	}
	s.bin = bin
	folder, err := os.MkdirTemp("", "sysgbench")
	if err != nil {
		return nil, err
	}
	b := &bench{settings: s, folder: folder, fifo: filepath.Join(folder, "fifo")}
	b.env = append(os.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder, "XDG_RUNTIME_DIR="+folder, "XDG_CONFIG_HOME="+folder)
	if err := errors.Join(b.compile(), b.openFIFO()); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// compile builds the C programs, statically: a dynamic linker would take most
// of the time that is measured.
func (b *bench) compile() error {
	for _, name := range []string{"stamp", "floor", "probe"} {
		source, err := sources.ReadFile("c/" + name + ".c")
		if err != nil {
			return err
		}
		gcc := exec.Command("gcc", "-O2", "-static", "-x", "c", "-", "-o", filepath.Join(b.folder, name))
		gcc.Stdin = strings.NewReader(string(source))
		if output, err := gcc.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot compile %s.c: %w\n%s", name, err, output)
		}
	}
	b.stamp, b.floor = filepath.Join(b.folder, "stamp"), filepath.Join(b.folder, "floor")
	b.probe = filepath.Join(b.folder, "probe")
	return nil
}

// openFIFO opens both ends, so that no reader is ever told of an end of file.
func (b *bench) openFIFO() error {
	if err := syscall.Mkfifo(b.fifo, 0o600); err != nil {
		return fmt.Errorf("cannot make %q: %w", b.fifo, err)
	}
	reader, err := os.OpenFile(b.fifo, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b.reader, b.stamps = reader, bufio.NewScanner(reader)
	return nil
}

// next waits for the next service to say that it runs.
func (b *bench) next() (birth, error) {
	if err := b.reader.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return birth{}, err
	}
	if !b.stamps.Scan() {
		return birth{}, fmt.Errorf("no service said that it runs: %w", b.stamps.Err())
	}
	pid, ns, _ := strings.Cut(b.stamps.Text(), " ")
	var born birth
	var err1, err2 error
	born.pid, err1 = strconv.Atoi(pid)
	born.ns, err2 = strconv.ParseInt(ns, 10, 64)
	return born, errors.Join(err1, err2)
}

// sysg runs a command of sysg to its end.
func (b *bench) sysg(args ...string) error {
	command := exec.Command(filepath.Join(b.bin, "sysg"), args...)
	command.Env, command.Dir = b.env, b.folder
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("sysg %s: %w\n%s", strings.Join(args, " "), err, output)
	}
	return nil
}

// project writes a manifest with so many services and starts it.
func (b *bench) project(name string, services int) error {
	if err := b.write(name, services); err != nil {
		return err
	}
	return b.sysg("start", "--daemonize", "-c", name+".yaml")
}

func (b *bench) write(name string, services int) error {
	var text strings.Builder
	fmt.Fprintf(&text, "version: \"3\"\nproject: %s\nservices:\n", name)
	for n := range services {
		fmt.Fprintf(&text, "  s%d: {exec: [%q, %q], restart_policy: always, backoff: 0s, max_restarts: 100000}\n", n, b.stamp, b.fifo)
	}
	return os.WriteFile(filepath.Join(b.folder, name+".yaml"), []byte(text.String()), 0o600)
}

// close stops everything, whatever has happened before.
func (b *bench) close() {
	if err := b.sysg("stop", "--supervisor"); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
	}
	if b.reader != nil {
		_ = b.reader.Close()
	}
	_ = os.RemoveAll(b.folder)
}
