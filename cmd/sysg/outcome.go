package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/order"
)

// The exit codes.
const (
	failed     = 1
	misused    = 2
	failing    = 2 // of status: some unit is failing
	offline    = 2 // of status with -c: nobody to ask
	ambiguity  = 2 // of status: a name that several projects have
	logLinesNo = 10

	// Those of the commands that the older program did not have.
	nobodyThere = 3   // no supervisor
	noSuchUnit  = 4   // no such service or project
	timedOut    = 124 // the command goes on
)

// exit ends the program with a code; what there was to say has been said.
type exit int

// Error makes exit an error.
func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// usage is a command line that means nothing.
type usage struct {
	verb    string
	problem string
}

// Error makes usage an error.
func (u *usage) Error() string { return u.problem }

// failures are several things that went wrong, the most important one first.
type failures []api.Diagnostic

// Error makes failures an error.
func (f failures) Error() string {
	var titles []string
	for _, d := range f {
		titles = append(titles, d.Error())
	}
	return strings.Join(titles, "; ")
}

// failuresFrom puts what failed by itself before what only waits for that.
func failuresFrom(diagnostics []api.Diagnostic) failures {
	sorted := slices.Clone(diagnostics)
	order.By(sorted, func(x, y *api.Diagnostic) int {
		return waits(*x) - waits(*y)
	})
	return sorted
}

func waits(d api.Diagnostic) int {
	if d.Code == api.CodeDependency {
		return 1
	}
	return 0
}

// withCode ends with a code of its own after err is told.
type withCode struct {
	err  error
	code int
}

// Error makes withCode an error.
func (w *withCode) Error() string { return w.err.Error() }

// explain tells err and returns the exit code.
func (a *app) explain(err error) int {
	var coded *withCode
	var use *usage
	var several failures
	var caused *withCause
	var bad *badManifest
	switch {
	case errors.As(err, &caused):
		a.out.diagnostic("error", *caused.Diagnostic)
		a.explain(caused.cause)
	case errors.As(err, &bad):
		bad.tell(a.out)
	case errors.As(err, &coded):
		a.explain(coded.err)
		return coded.code
	case errors.As(err, &use):
		fmt.Fprintf(a.out.stderr, "error: %s\n", clean(use.problem))
		fmt.Fprintf(a.out.stderr, "  help: %s\n", strings.Join(strings.Fields("sysg "+use.verb+" --help"), " "))
		return misused
	case errors.As(err, &several):
		for _, d := range several {
			a.out.diagnostic("error", d)
		}
	default:
		a.out.diagnostic("error", a.diagnose(err))
	}
	return failed
}

// diagnose is err as something with a code. A supervisor that goes away while
// it is asked has usually said why in its log.
func (a *app) diagnose(err error) api.Diagnostic {
	var d *api.Diagnostic
	if !errors.As(err, &d) {
		return api.Diagnostic{Code: api.CodeInternal, Title: err.Error()}
	}
	told := *d
	if errors.Is(err, client.ErrWentAway) && a.instance != nil {
		told.Evidence = append(told.Evidence, lastLines(a.instance.supervisorLog(), logLinesNo)...)
	}
	return told
}

// withCause is a diagnostic that another error, told after it, is the cause of.
type withCause struct {
	*api.Diagnostic
	cause error
}
