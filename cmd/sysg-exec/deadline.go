package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/confine"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// killGrace is how long a launcher may take to come back once the process that
// it waits for has been killed.
const killGrace = time.Second

// expire ends launches whose time is up. The kill frees a launcher that waits
// for the process. One that does not come back hangs in a file system itself;
// it is left behind, and another takes its place.
func (h *helper) expire(now time.Time) {
	for inc := range h.flying {
		if now.Before(inc.deadline) {
			continue
		}
		if inc.hung == "" {
			inc.hung = whereIn(inc.home)
			inc.deadline = now.Add(killGrace)
			if inc.pidfd >= 0 {
				_ = sys.PidfdSignal(inc.pidfd, unix.SIGKILL)
			}
			_ = inc.home.kill()
			continue
		}
		delete(h.flying, inc)
		if inc.state != cloning {
			continue // The end of its process is being waited for already.
		}
		inc.state, inc.failure = failing, h.hungFailure(inc)
		h.answerFailed(inc, inc.failure)
		if len(h.lost) < maxLost {
			h.lost[h.plain] = true
			close(h.plain.jobs)
			h.plain = startLauncher(h.done, h.wakeFD, &h.memory.forks)
		}
	}
}

// whereIn names the stage that the processes of a home hang in. With none
// there it is still being prepared, which means its env files.
func whereIn(home home) spec.Stage {
	if pid := home.first(); pid != 0 {
		return confine.Where(pid)
	}
	return spec.StageEnv
}

func (h *helper) hungFailure(inc *incarnation) *confine.Failure {
	return &confine.Failure{Stage: inc.hung, Detail: fmt.Sprintf("not done within %s: killed", h.options.launchTimeout)}
}

// askAgain asks once more of those of which it could not be told whether
// anything is left of them.
func (h *helper) askAgain(now time.Time) {
	for inc := range h.unsure {
		if !now.Before(inc.again) {
			h.survivorChanged(inc)
		}
	}
}

// timeout is how many milliseconds the loop may sleep, -1 for ever.
func (h *helper) timeout(now time.Time) int {
	next := h.manager.next()
	for inc := range h.flying {
		if next.IsZero() || inc.deadline.Before(next) {
			next = inc.deadline
		}
	}
	for t := range h.tasks {
		if next.IsZero() || t.deadline.Before(next) {
			next = t.deadline
		}
	}
	for inc := range h.unsure {
		if next.IsZero() || inc.again.Before(next) {
			next = inc.again
		}
	}
	if next.IsZero() {
		return -1
	}
	// Rounded up: rounded down, the loop would spin for the last millisecond.
	return int(max(0, next.Sub(now)+time.Millisecond-1) / time.Millisecond)
}
