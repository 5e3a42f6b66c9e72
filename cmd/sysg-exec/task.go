package main

import (
	"slices"
	"time"

	"systemg.org/sysg/pkg/sys"
)

// The loop never waits for a file system that a user may have made: binding to
// a path, and taking it away, is done by a task, in a goroutine of its own. One
// that hangs is given up; its goroutine stays until the file system answers.

// maxTasks bounds how many run at a time, those that hang included.
const maxTasks = 16

// task is work for a goroutine.
type task struct {
	// run works, and touches nothing of the loop's.
	run func()
	// over goes on in the loop: late says that the time is up. It is called
	// once. If run comes back after that, or was never called, leftover is.
	over     func(late bool)
	leftover func()
	deadline time.Time
	late     bool
}

// start lets t run, now or when another one has ended.
func (h *helper) start(t *task) {
	t.deadline = time.Now().Add(h.options.launchTimeout)
	h.tasks[t] = true
	if h.busy == maxTasks {
		h.tasksWaiting = append(h.tasksWaiting, t)
		return
	}
	h.runTask(t)
}

func (h *helper) runTask(t *task) {
	h.busy++
	go func() { // Ends with run, which a dead file system may hold up for ever.
		t.run()
		h.tasksDone <- t
		_ = sys.Signal(h.wakeFD)
	}()
}

// tasksOver takes back the tasks that have ended.
func (h *helper) tasksOver() {
	for {
		select {
		case t := <-h.tasksDone:
			h.taskOver(t)
		default:
			return
		}
	}
}

func (h *helper) taskOver(t *task) {
	h.busy--
	for h.busy < maxTasks && len(h.tasksWaiting) > 0 {
		next := h.tasksWaiting[0]
		h.tasksWaiting = h.tasksWaiting[1:]
		h.runTask(next)
	}
	if t.late {
		t.leftover()
		return
	}
	delete(h.tasks, t)
	t.over(false)
}

// expireTasks gives up those whose time is up.
func (h *helper) expireTasks(now time.Time) {
	for t := range h.tasks {
		if !now.Before(t.deadline) {
			delete(h.tasks, t)
			t.late = true
			t.over(true)
			if n := len(h.tasksWaiting); n > 0 {
				h.tasksWaiting = slices.DeleteFunc(h.tasksWaiting, func(w *task) bool { return w == t })
				if len(h.tasksWaiting) < n {
					t.leftover()
				}
			}
		}
	}
}
