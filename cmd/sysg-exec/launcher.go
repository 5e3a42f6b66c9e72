package main

import (
	"errors"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/confine"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// launcher is the thread "plain": it keeps the helper's credentials, and forks
// stages and, in user mode, services; and, once it is needed, the thread "bare"
// (bare.go), which forks services in system mode and which it waits for. A fork waits for its execve, and the
// search for a program and the reading of an env file for a file system, all
// of which can take for ever; so none of it happens in the loop.
//
// A launcher takes one job at a time. It ends when jobs is closed, which the
// loop does to one that is stuck, and puts another in its place.
type launcher struct {
	jobs chan *job
	done chan<- *job
	// wakeFD tells the loop of something in done.
	wakeFD int
	forks  *sync.RWMutex
	// current is the job it works on; only the loop looks at it.
	current *job
	// bare is of the launcher's own goroutine.
	bare bareThread
}

// job is one launch, of which the launcher fills in the result.
type job struct {
	incarnation *incarnation
	request     confine.Request
	// place.Files are the job's own.
	place confine.Place

	started confine.Started
	err     error
}

// startLauncher starts the thread. Each launcher sends once per job, so done
// needs as much room as there are launchers.
func startLauncher(done chan<- *job, wakeFD int, forks *sync.RWMutex) *launcher {
	l := &launcher{jobs: make(chan *job, 1), done: done, wakeFD: wakeFD, forks: forks}
	go l.run()
	return l
}

func (l *launcher) run() {
	runtime.LockOSThread()
	sys.SetThreadName("plain")
	// Children inherit the mask of this thread, whatever it was started with.
	maskErr := sys.UnblockSignals()
	defer l.bare.end()
	for job := range l.jobs {
		job.place.Bare = l.bare.run
		if job.err = maskErr; maskErr == nil {
			job.run(l.forks)
		}
		l.done <- job
		_ = sys.Signal(l.wakeFD)
	}
}

func (j *job) run(forks *sync.RWMutex) {
	prepared, err := confine.Prepare(j.request)
	if err == nil {
		forks.RLock() // See memory.go.
		j.started, err = confine.Start(prepared, j.place)
		forks.RUnlock()
	}
	j.err = err
}

// closeFiles closes the write ends of the log pipes, which are the service's
// alone from here on: their end of file is to mean its end. The rest of what it
// got were copies.
func (j *job) closeFiles() {
	sys.CloseAll([]int{j.place.StdoutFD, j.place.StderrFD})
	sys.CloseAll(j.place.Files)
	if j.place.JoinFD > 0 {
		sys.CloseAll([]int{j.place.JoinFD})
	}
}

// discard ends what a job started that nobody waits for any more.
func (j *job) discard() {
	if j.err != nil {
		return
	}
	_ = sys.PidfdSignal(j.started.PidFD, unix.SIGKILL)
	_, _ = unix.Wait4(j.started.PID, nil, 0, nil)
	sys.CloseAll([]int{j.started.PidFD})
	if j.started.StatusFD >= 0 {
		sys.CloseAll([]int{j.started.StatusFD})
	}
}

// failure is the job's error as what the client is told.
func (j *job) failure() *confine.Failure {
	var failure *confine.Failure
	if errors.As(j.err, &failure) {
		return failure
	}
	return confine.Fail(spec.StageClone, j.err)
}
