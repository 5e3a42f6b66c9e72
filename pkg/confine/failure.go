package confine

import (
	"errors"
	"fmt"
	"syscall"

	"systemg.org/sysg/pkg/spec"
)

// Failure says at which stage a launch failed. It crosses the status pipe.
type Failure struct {
	Stage  spec.Stage `json:"stage"`
	Errno  int        `json:"errno,omitempty"`
	Detail string     `json:"detail"`
}

// Error implements error.
func (f *Failure) Error() string { return fmt.Sprintf("stage %s: %s", f.Stage, f.Detail) }

// Fail makes the Failure of a stage from its error, and takes the error number
// out of it.
func Fail(stage spec.Stage, err error) *Failure {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure
	}
	var errno syscall.Errno
	errors.As(err, &errno)
	return &Failure{Stage: stage, Errno: int(errno), Detail: err.Error()}
}
