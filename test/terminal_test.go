//go:build e2e

package test

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gdamore/tcell/v3/vt"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// atTerminal is the command
//
//	terminal CODE [EXPECT KEYS]... -- PROGRAM ARG...
//
// It runs a program on a terminal of its own. For each pair it waits until what
// is on the screen matches EXPECT, and then types KEYS; \e stands for Escape, \r
// for Enter, \t for Tab, \x03 for Ctrl-C. The program must end with CODE then.
func atTerminal(ts *testscript.TestScript, neg bool, args []string) {
	steps, program := args, []string(nil)
	for i, arg := range args {
		if arg == "--" {
			steps, program = args[:i], args[i+1:]
			break
		}
	}
	if neg || len(steps)%2 != 1 || len(program) == 0 {
		ts.Fatalf("usage: terminal CODE [EXPECT KEYS]... -- PROGRAM ARG...")
	}
	code, err := strconv.Atoi(steps[0])
	ts.Check(err)
	screen, err := newScreen()
	ts.Check(err)
	defer screen.emulator.Stop()
	master, slave, err := openTerminal()
	ts.Check(err)
	defer master.Close()
	i := instanceOf(ts)
	command := exec.Command(filepath.Join(i.bin, program[0]), program[1:]...)
	command.Dir, command.Env = ts.Getenv("WORK"), append(i.vars, "TERM=xterm-256color", "COLUMNS=", "NO_COLOR=")
	command.Stdin, command.Stdout, command.Stderr = slave, slave, slave
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(command.Start())
	_ = slave.Close()
	go screen.read(master)
	// A terminal answers what it is asked. This ends with the emulator.
	go func() { _, _ = io.Copy(master, screen.emulator) }()
	for steps = steps[1:]; len(steps) > 0; steps = steps[2:] {
		pattern := compile(ts, steps[0])
		eventually(ts, fmt.Sprintf("%q on the terminal", steps[0]), func() (bool, string) {
			text := screen.seen()
			return pattern.MatchString(text), text
		})
		_, err := io.WriteString(master, strings.NewReplacer(`\e`, "\x1b", `\r`, "\r", `\t`, "\t", `\x03`, "\x03").Replace(steps[1]))
		ts.Check(err)
	}
	late := time.AfterFunc(patience, func() { _ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) })
	err = command.Wait()
	late.Stop()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) || command.ProcessState.ExitCode() != code {
		ts.Fatalf("it ended with %d (%v):\n%s", command.ProcessState.ExitCode(), err, screen.seen())
	}
}

// screen is what a program shows on its terminal: an emulator of one.
type screen struct {
	mu       sync.Mutex
	emulator vt.MockTerm
}

// The size of the terminals.
const (
	screenWidth  = 120
	screenHeight = 40
)

func newScreen() (*screen, error) {
	s := &screen{emulator: vt.NewMockTerm(vt.MockOptSize{X: screenWidth, Y: screenHeight})}
	return s, s.emulator.Start()
}

func (s *screen) read(from io.Reader) {
	piece := make([]byte, 4096)
	for {
		n, err := from.Read(piece)
		s.mu.Lock()
		_, _ = s.emulator.Write(piece[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// seen is what is on the screen, a line a row.
func (s *screen) seen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text strings.Builder
	for y := range screenHeight {
		var row strings.Builder
		for x := range screenWidth {
			content := s.emulator.GetCell(vt.Coord{X: vt.Col(x), Y: vt.Row(y)}).C
			row.WriteString(cmp.Or(content, " "))
		}
		text.WriteString(strings.TrimRight(row.String(), " ") + "\n")
	}
	return text.String()
}

// openTerminal makes a pair of pseudo-terminals (pty(7)) of that size.
func openTerminal() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: screenHeight, Col: screenWidth})
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		_ = master.Close()
		return nil, nil, err
	}
	return master, slave, nil
}
