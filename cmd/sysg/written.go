package main

import (
	"errors"
	"fmt"
	"io"

	"systemg.org/sysg/pkg/api"
)

// written is where stdout goes. It remembers that something could not be
// written, so that no printing has to ask and a viewer that was cut off does not
// say that all is well.
type written struct {
	to     io.Writer
	failed error
}

func (w *written) Write(p []byte) (int, error) {
	if w.failed != nil {
		return 0, w.failed
	}
	n, err := w.to.Write(p)
	w.failed = err
	return n, err
}

// failedWith: err is about nothing but stdout, of which cutOff will speak.
func (o *output) failedWith(err error) bool {
	w, checked := o.stdout.(*written)
	return checked && w.failed != nil && errors.Is(err, w.failed)
}

// cutOff is the exit code where what was printed did not arrive, else code.
func (o *output) cutOff(code int) int {
	w, checked := o.stdout.(*written)
	if !checked || w.failed == nil {
		return code
	}
	if code == 0 {
		code = failed
	}
	o.diagnostic("error", api.Diagnostic{Code: api.CodeInternal, Title: fmt.Sprintf("cannot write what was asked for: %v", w.failed)})
	return code
}
