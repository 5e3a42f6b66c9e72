package confine

import (
	"encoding/json"
	"errors"
	"fmt"

	"systemg.org/sysg/pkg/spec"
)

// What a staged process writes into its status pipe:
//
//	mark, end of file            it became the program
//	failure, end of file         a step failed
//	mark, failure, end of file   the execve itself failed
//	end of file                  it died before the program
//
// The pipe is close-on-exec, so the end of file is the kernel's own word for
// "past the execve, or gone". Without the mark those two would look the same.
const mark = '!'

// MaxStatus bounds what is read of a status pipe, in bytes.
const MaxStatus = 16 << 10

// ParseStatus reads all that came out of a status pipe: nil means that the
// process became its program, else the error is a *Failure.
func ParseStatus(text []byte) error {
	if len(text) == 0 {
		return &Failure{Stage: spec.StageExec, Detail: "the process died before it became the program"}
	}
	if len(text) == 1 && text[0] == mark {
		return nil
	}
	if text[0] == mark {
		text = text[1:]
	}
	var failure Failure
	err := json.Unmarshal(text, &failure)
	if err == nil && failure.Stage == "" {
		err = errors.New("it names no stage")
	}
	if err != nil {
		return &Failure{Stage: spec.StageExec, Detail: fmt.Sprintf("cannot read the status of the launch: %v", err)}
	}
	return &failure
}
