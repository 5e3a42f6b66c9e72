package main

import (
	"errors"
	"fmt"
	"io/fs"

	"systemg.org/sysg/pkg/spec"
)

// activate answers an Activate.
func (h *helper) activate(c *conn, id uint64, a *spec.Activate) {
	defer h.tidyMemory()
	installed, err := h.store.activate(a.Project, a.Number)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		h.refuse(c, id, spec.ReasonUnknown, fmt.Sprintf("project %q has no generation %d", a.Project, a.Number))
	case err != nil:
		h.refuse(c, id, spec.ReasonInternal, err.Error())
	default:
		h.reply(c, spec.Reply{ID: id, Installed: &installed})
	}
}

// remove answers a Remove, when all that is held for the project is closed.
func (h *helper) remove(c *conn, id uint64, r *spec.Remove) {
	if busy := h.living(r.Project); busy != nil {
		h.refuse(c, id, spec.ReasonBusy, fmt.Sprintf("service %q of project %q is not over", busy.record.Launch.Service, r.Project))
		return
	}
	left := 1
	closed := func() {
		if left--; left == 0 {
			h.removeNow(c, id, r)
		}
	}
	for o := range h.holdings {
		if o.project == r.Project {
			left++
			h.unhold(o, closed)
		}
	}
	closed()
}

func (h *helper) removeNow(c *conn, id uint64, r *spec.Remove) {
	if h.living(r.Project) != nil {
		h.refuse(c, id, spec.ReasonBusy, fmt.Sprintf("project %q was started meanwhile", r.Project))
		return
	}
	err := h.store.remove(r.Project)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		h.refuse(c, id, spec.ReasonUnknown, fmt.Sprintf("project %q is not installed", r.Project))
	case err != nil:
		h.refuse(c, id, spec.ReasonInternal, err.Error())
	default:
		h.reply(c, spec.Reply{ID: id, Done: &spec.Done{}})
	}
}

// living is an incarnation of the project that is not over, nil if there is none.
func (h *helper) living(project string) *incarnation {
	for _, inc := range h.incarnations {
		if inc.record.Launch.Project == project && !inc.record.Emptied {
			return inc
		}
	}
	return nil
}
