package execclient

import (
	"errors"
	"fmt"
	"syscall"

	"systemg.org/sysg/pkg/spec"
)

// ErrClosed is what a request on a connection fails with that Close has ended.
var ErrClosed = errors.New("connection to sysg-exec is closed")

// errOverflow ends a connection whose other side does not read.
var errOverflow = errors.New("sysg-exec does not take requests")

// errNoAnswer ends the wait for an answer.
var errNoAnswer = errors.New("sysg-exec does not answer")

// Refused is a request that sysg-exec will not carry out.
type Refused struct {
	Reason spec.Reason
	Detail string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("refused by sysg-exec (%s): %s", r.Reason, r.Detail)
}

// Failed is a launch of which nothing runs.
type Failed struct {
	Stage spec.Stage
	// Errno is 0 where no system call failed.
	Errno  syscall.Errno
	Detail string
}

func (f *Failed) Error() string {
	return fmt.Sprintf("launch failed in stage %s: %s", f.Stage, f.Detail)
}

// Unwrap lets errors.Is find the error number (fs.ErrNotExist and the like).
func (f *Failed) Unwrap() error {
	if f.Errno == 0 {
		return nil
	}
	return f.Errno
}

// failure is the error that a reply stands for, nil if it is none.
func failure(reply *spec.Reply) error {
	switch {
	case reply.Refused != nil:
		return &Refused{Reason: reply.Refused.Reason, Detail: reply.Refused.Detail}
	case reply.Failed != nil:
		return &Failed{Stage: reply.Failed.Stage, Errno: syscall.Errno(reply.Failed.Errno), Detail: reply.Failed.Detail}
	}
	return nil
}

// protocolError says that sysg-exec broke a rule.
func protocolError(format string, args ...any) error {
	return fmt.Errorf("sysg-exec broke the protocol: "+format, args...)
}
