package main

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// receive answers one frame and what came with it.
func (h *helper) receive(c *conn, text []byte, fds []int) {
	r, err := spec.DecodeRequest(text)
	if err != nil {
		h.refuseAndClose(c, 0, spec.ReasonProtocol, err.Error())
		return
	}
	wantFDs := 0
	switch {
	case r.Install != nil:
		wantFDs = 1
	case r.Listen != nil:
		wantFDs = len(r.Listen.Names)
	case r.Keep != nil:
		wantFDs = max(1, len(fds))
	}
	switch {
	case !c.greeted && r.Hello == nil:
		h.refuseAndClose(c, r.ID, spec.ReasonProtocol, "the first frame must be hello")
	case len(fds) != wantFDs:
		h.refuseAndClose(c, r.ID, spec.ReasonProtocol, fmt.Sprintf("%d descriptors came with the frame, not %d", len(fds), wantFDs))
	default:
		if err := h.grants.Asks(c.caller, &r); err != nil {
			h.refuseGrant(c, r.ID, err)
			return
		}
		h.carryOut(c, &r, fds)
	}
}

// carryOut does what a request asks for.
func (h *helper) carryOut(c *conn, r *spec.Request, fds []int) {
	switch {
	case r.Hello != nil:
		h.hello(c, r.ID, r.Hello)
	case r.Install != nil:
		h.install(c, r.ID, fds[0])
	case r.Launch != nil:
		h.launch(c, r.ID, r.Launch)
	case r.Signal != nil:
		h.signal(c, r.ID, r.Signal)
	case r.Kill != nil:
		h.killRequest(c, r.ID, r.Kill)
	case r.List != nil:
		h.list(c, r.ID)
	case r.Ack != nil:
		h.ack(c, r.ID, r.Ack)
	case r.Quit != nil:
		h.quit(c, r.ID)
	case h.crowded(r):
		h.refuse(c, r.ID, spec.ReasonBusy, fmt.Sprintf("%d requests wait for the sockets of this service already", maxTurns))
	case r.Listen != nil:
		h.listen(c, r.ID, r.Listen, fds)
	case r.Unlisten != nil:
		h.unlisten(c, r.ID, r.Unlisten)
	case r.Main != nil:
		h.nameMain(c, r.ID, r.Main)
	case r.Keep != nil:
		h.keep(c, r.ID, r.Keep, fds)
	case r.Drop != nil:
		h.drop(c, r.ID, r.Drop)
	case r.Activate != nil:
		h.activate(c, r.ID, r.Activate)
	case r.Remove != nil:
		h.remove(c, r.ID, r.Remove)
	}
}

// refuseGrant answers with why something is not granted.
func (h *helper) refuseGrant(c *conn, id uint64, err error) {
	var refusal *grant.Refusal
	if errors.As(err, &refusal) {
		h.refuse(c, id, refusal.Reason, refusal.Detail)
		return
	}
	h.refuse(c, id, spec.ReasonInternal, err.Error())
}

func (h *helper) refuse(c *conn, id uint64, reason spec.Reason, detail string) {
	h.reply(c, spec.Reply{ID: id, Refused: &spec.Refused{Reason: reason, Detail: detail}})
}

// refuseAndClose ends a connection whose peer cannot be understood; it is told
// why if it has room for that.
func (h *helper) refuseAndClose(c *conn, id uint64, reason spec.Reason, detail string) {
	h.refuse(c, id, reason, detail)
	h.closeConn(c)
}

func (h *helper) hello(c *conn, id uint64, hello *spec.Hello) {
	if hello.Version < spec.Min || hello.Min > spec.Version {
		h.refuseAndClose(c, id, spec.ReasonVersion, fmt.Sprintf("this is sysg-exec with versions %d to %d; the caller has %d to %d", spec.Min, spec.Version, hello.Min, hello.Version))
		return
	}
	c.greeted = true
	h.reply(c, spec.Reply{ID: id, Hello: &spec.Hello{Version: spec.Version, Min: spec.Min}})
}

func (h *helper) install(c *conn, id uint64, memfd int) {
	// A generation is large, and the next frame may bring another.
	defer h.tidyMemory()
	text, err := sys.ReadSealed(memfd, spec.MaxGeneration)
	if err != nil {
		h.refuse(c, id, spec.ReasonInvalid, fmt.Sprintf("cannot read the generation: %v", err))
		return
	}
	installed, reason, err := h.store.install(text, h.grants)
	if err != nil {
		h.refuse(c, id, reason, err.Error())
		return
	}
	h.reply(c, spec.Reply{ID: id, Installed: &installed})
}

func (h *helper) signal(c *conn, id uint64, s *spec.Signal) {
	inc := h.incarnations[s.Incarnation]
	var err error
	switch {
	case inc == nil:
		h.refuse(c, id, spec.ReasonUnknown, "no such incarnation")
		return
	case inc.state < running:
		h.refuse(c, id, spec.ReasonUnknown, "it is not running yet")
		return
	case s.Group && inc.home != nil:
		err = inc.home.signal(syscall.Signal(s.Signal))
	case !s.Group && inc.record.Exited == nil:
		err = sys.PidfdSignal(inc.pidfd, syscall.Signal(s.Signal))
	}
	if err != nil && !errors.Is(err, unix.ESRCH) {
		h.refuse(c, id, spec.ReasonInternal, fmt.Sprintf("cannot signal: %v", err))
		return
	}
	h.reply(c, spec.Reply{ID: id, Done: &spec.Done{}})
}

func (h *helper) killRequest(c *conn, id uint64, k *spec.Kill) {
	inc := h.incarnations[k.Incarnation]
	if inc == nil {
		h.refuse(c, id, spec.ReasonUnknown, "no such incarnation")
		return
	}
	if err := h.kill(inc); err != nil {
		h.refuse(c, id, spec.ReasonInternal, fmt.Sprintf("cannot kill: %v", err))
		return
	}
	h.reply(c, spec.Reply{ID: id, Done: &spec.Done{}})
}

// list makes c the receiver and starts to tell it all there is.
func (h *helper) list(c *conn, id uint64) {
	if last := h.receiver; last != nil && last != c && len(last.unsent) > maxAnswers {
		h.closeConn(last)
	}
	h.receiver = c
	c.listID = id
	c.listing = c.listing[:0]
	for _, inc := range h.incarnations {
		c.listing = append(c.listing, inc)
	}
	h.flush(c)
}

// ack forgets what has ended.
func (h *helper) ack(c *conn, id uint64, a *spec.Ack) {
	for _, incarnation := range a.Incarnations {
		if inc := h.incarnations[incarnation]; inc != nil && inc.record.Exited != nil && inc.record.Emptied {
			h.forget(inc)
		}
	}
	h.reply(c, spec.Reply{ID: id, Done: &spec.Done{}})
}

// quit ends the helper after this turn of the loop, unless something lives that
// would lose its parent. Exits that nobody has acknowledged stay on record.
func (h *helper) quit(c *conn, id uint64) {
	for _, inc := range h.incarnations {
		if !inc.record.Emptied {
			h.refuse(c, id, spec.ReasonBusy, fmt.Sprintf("incarnation %s of service %q is not over", inc.record.Launch.Incarnation, inc.record.Launch.Service))
			return
		}
	}
	h.quitting = true
	h.reply(c, spec.Reply{ID: id, Done: &spec.Done{}})
}

// sendLaunched answers one Launch.
func (h *helper) sendLaunched(w waiter, inc *incarnation) {
	h.send(w.conn, spec.Reply{ID: w.id, Launched: &spec.Launched{
		Incarnation: inc.record.Launch.Incarnation, PID: inc.record.PID, Cgroup: inc.record.Cgroup,
		Notify: inc.notifyFD >= 0, Ready: inc.readyFD >= 0, Missing: inc.record.Missing,
	}}, frame{of: inc, pidfd: true})
}
