package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/term"
)

// shortestPause is how often something is shown anew at most.
const shortestPause = 100 * time.Millisecond

// parsePause reads the value of --stream: seconds, or a number with its unit;
// "" is none.
func parsePause(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	pause, err := time.ParseDuration(text)
	if seconds, notNumber := strconv.ParseUint(text, 10, 31); notNumber == nil {
		pause, err = time.Duration(seconds)*time.Second, nil
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("--stream takes a time such as 5, 1s or 2m, not %q", text)
	case pause < shortestPause:
		return 0, fmt.Errorf("--stream cannot be shorter than %s", shortestPause)
	}
	return pause, nil
}

// interactive reports whether a person sits at both ends, who wants no text.
func (a *app) interactive() bool {
	return a.out.draws && !a.out.scripted && term.IsTerminal(int(os.Stdin.Fd()))
}

// repaint begins a new picture: in place on a terminal, below elsewhere.
func (o *output) repaint() {
	if o.draws {
		fmt.Fprint(o.stdout, "\x1b[H\x1b[2J")
	}
}

// broken is why nothing more can be printed, nil if it can.
func (o *output) broken() error {
	if w, checked := o.stdout.(*written); checked && w.failed != nil {
		return exit(failed)
	}
	return nil
}
