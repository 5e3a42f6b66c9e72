package logs

import (
	"io"
	"os"

	"systemg.org/sysg/pkg/generation"
)

// Options are what a Capture works with. Drained and Lost are called from its
// own goroutine and must not block.
type Options struct {
	// Dir is where the logs are. Spool is a folder of this Capture alone, for
	// what must outlive a kill; on tmpfs best, and the next one is given the same.
	Dir, Spool string
	// Journal takes one entry of journald's native protocol with each Write; nil
	// where there is no journald.
	Journal io.Writer
	// Drained is told of each pipe that comes to its end.
	Drained func(Drained)
	// Lost is told when lines begin to be dropped, and when that is over; nil
	// if nobody wants to know.
	Lost func(Lost)
}

// Source is one pipe to capture.
type Source struct {
	Project, Service string
	// Incarnation is the run that writes into the pipe, PID its main process.
	Incarnation string
	PID         int
	// Stream is Stdout or Stderr.
	Stream string
	// Label marks the lines of a command that is not the service itself.
	Label string
	// Pipe is the read end; Attach takes it over.
	Pipe   *os.File
	Policy generation.Logs
	// Watch is told of a line, where somebody waits for one.
	Watch *Watch
}

// Drained says that a pipe is closed for good: all of it is in the file.
type Drained struct {
	Project, Service, Incarnation, Stream, Label string
	// Err is why the pipe could not be read to its end, nil if it was.
	Err error
}

// Lost says that output could not be written. Count is 0 when that begins, and
// how many lines, or raw bytes, were dropped when it is over.
type Lost struct {
	Project, Service string
	Count            int
	Unit             string // lines or bytes
	Why              error
}
