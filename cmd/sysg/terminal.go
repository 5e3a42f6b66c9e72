package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unicode"

	"golang.org/x/term"
)

// terminal is one that was taken over. It is spoken to with a few sequences
// of ECMA-48 and xterm (invisible-island.net/xterm/ctlseqs), which all terminals
// of these days understand, and the Linux console too.
type terminal struct {
	tty           *os.File
	before        *term.State
	keys          chan string // closed where the terminal is gone
	resized       chan os.Signal
	width, height int
	drawn         []string // the rows as they are on the terminal
}

const (
	// The screen behind the usual one; no cursor; what is too wide does not wrap.
	takeOver = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
	giveBack = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"

	// escapePause is how long the rest of a key may take after its Escape, before
	// that was the key itself. Terminals send them together.
	escapePause = 50 * time.Millisecond
)

// newTerminal takes the terminal of this process over, whatever its output is.
func newTerminal() (*terminal, error) {
	// The kernel tells Go's poller of a terminal, so that Close ends a Read.
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	s := &terminal{tty: tty, keys: make(chan string), resized: make(chan os.Signal, 1)}
	if err := s.control(func(fd int) (err error) { s.before, err = term.MakeRaw(fd); return err }); err != nil {
		_ = tty.Close()
		return nil, err
	}
	signal.Notify(s.resized, syscall.SIGWINCH)
	s.measure()
	_, _ = io.WriteString(tty, takeOver)
	go s.read()
	return s, nil
}

// control does something to the descriptor, which File.Fd would make block.
func (s *terminal) control(do func(fd int) error) error {
	raw, err := s.tty.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = do(int(fd)) })
	if err != nil {
		return err
	}
	return failed
}

// measure learns the size, and has everything drawn anew.
func (s *terminal) measure() {
	err := s.control(func(fd int) (err error) { s.width, s.height, err = term.GetSize(fd); return err })
	if err != nil || s.width <= 0 || s.height <= 0 {
		s.width, s.height = 80, 24
	}
	s.drawn = nil
}

// close gives the terminal back.
func (s *terminal) close() {
	signal.Stop(s.resized)
	_, _ = io.WriteString(s.tty, giveBack)
	_ = s.control(func(fd int) error { return term.Restore(fd, s.before) })
	_ = s.tty.Close()
	for range s.keys { // until the reader has noticed
	}
}

// read sends the names of the keys that are typed.
func (s *terminal) read() {
	defer close(s.keys)
	var typed []byte
	piece := make([]byte, 256)
	for {
		n, err := s.tty.Read(piece)
		if err != nil && !os.IsTimeout(err) {
			return
		}
		typed = append(typed, piece[:n]...)
		for len(typed) > 0 {
			name, length := nextKey(typed, err != nil)
			if length == 0 {
				break
			}
			typed = typed[length:]
			if name != "" {
				s.keys <- name
			}
		}
		var until time.Time
		if len(typed) > 0 {
			until = time.Now().Add(escapePause)
		}
		_ = s.tty.SetReadDeadline(until)
	}
}

// draw shows lines, of which only those are written that have changed.
func (s *terminal) draw(lines [][]piece, colour bool) {
	var out strings.Builder
	if s.drawn == nil {
		out.WriteString("\x1b[0m\x1b[2J")
		s.drawn = make([]string, s.height)
	}
	for y := range s.drawn {
		row := ""
		if y < len(lines) {
			row = s.row(lines[y], colour)
		}
		if row != s.drawn[y] {
			fmt.Fprintf(&out, "\x1b[%d;1H%s\x1b[0m\x1b[K", y+1, row)
			s.drawn[y] = row
		}
	}
	if out.Len() > 0 {
		_, _ = io.WriteString(s.tty, out.String())
	}
}

// row is a line with its styles, cut where the screen ends.
func (s *terminal) row(line []piece, colour bool) string {
	var row strings.Builder
	left := s.width
	for _, piece := range line {
		row.WriteString("\x1b[0")
		if piece.reversed {
			row.WriteString(";7")
		}
		if piece.style != "" && (colour || piece.style == bold) {
			row.WriteString(";" + string(piece.style))
		}
		row.WriteByte('m')
		for _, r := range piece.text {
			if left == 0 {
				return row.String()
			}
			if unicode.IsControl(r) { // Nobody but us commands the terminal.
				r = ' '
			}
			row.WriteRune(r)
			left--
		}
	}
	return row.String()
}
