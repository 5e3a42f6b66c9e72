package confine

import (
	"encoding/json"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// A staged process finds its Launch, its status pipe, and behind that what it waits
// on or the process that it joins, behind all descriptors that are the program's, so
// that those have their numbers from the start and nothing of ours, or of the Go
// runtime's, is ever in their place. It is told where by its second argument.
const firstFD = 3

// Become is all that "sysg-exec launch" does: it reads its Launch, takes the
// Steps, and is the program. It returns only when it failed and has said so
// through the status pipe; the caller exits. It must run on a locked thread.
func Become() {
	debug.SetGCPercent(-1) // It lives too briefly to collect; see also reserve.
	runtime.GOMAXPROCS(1)  // See execute.
	launchFD, statusFD := launchFDs()
	if err := become(launchFD, statusFD); err != nil {
		report(statusFD, err)
	}
}

// launchFDs are where it was told.
func launchFDs() (launchFD, statusFD int) {
	launchFD = firstFD
	if len(os.Args) > 2 {
		launchFD, _ = strconv.Atoi(os.Args[2])
	}
	return launchFD, launchFD + 1
}

func become(launchFD, statusFD int) error {
	text, err := sys.ReadSealed(launchFD, maxLaunch)
	if err != nil {
		return Fail(spec.StageFDs, err)
	}
	launch, err := decode(text)
	if err != nil {
		return Fail(spec.StageFDs, err)
	}
	launch.joinFD = statusFD + 1
	begin := func() error {
		if launch.underInit() {
			if err := awaitInit(statusFD + 1); err != nil {
				return err
			}
		}
		// EPIPE: the helper has died, and nobody would know of the program.
		_, err := unix.Write(statusFD, []byte{mark})
		return os.NewSyscallError("write", err)
	}
	for _, step := range Steps(launch, begin) {
		launch.show(step.Stage)
		if err := step.Do(); err != nil {
			return Fail(step.Stage, err)
		}
	}
	return nil
}

// show has the name of the process say at which stage it is, so that Where can
// tell where it hangs; the execve replaces it. A filter may forbid that, so the
// last stage is shown before one is installed, which takes no time.
func (l *Launch) show(stage spec.Stage) {
	switch {
	case !l.filtered():
	case stage == spec.StageSeccomp:
		stage = spec.StageExec
	case stage == spec.StageExec:
		return
	}
	sys.SetThreadName(string(stage))
}

// report writes the failure, which fits into the pipe in one write.
func report(statusFD int, err error) {
	text, marshalErr := json.Marshal(Fail(spec.StageExec, err))
	if marshalErr != nil || len(text) > MaxStatus {
		return // The end of file without a mark says that it failed.
	}
	_, _ = unix.Write(statusFD, text)
}
