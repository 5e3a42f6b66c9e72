package supervisor

import (
	"fmt"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/spec"
)

// What follows from what a service says of itself.

// notified takes a message in the loop, and says so when it will not be needed
// any more.
func (s *Supervisor) notified(incarnation string, heard notification, taken func()) {
	r := s.runs[incarnation]
	if r == nil || r.role != spec.RoleMain || r.emptied {
		discard(heard.files)
		taken()
		return
	}
	s.hears(r, heard)
	if !heard.peeked {
		taken()
		return
	}
	s.whenSaved(r.service.project, taken)
}

// hears does what a message asks for.
func (s *Supervisor) hears(r *run, heard notification) {
	v := r.service
	if heard.HasStatus {
		r.status = heard.Status
	}
	switch {
	case heard.Reloading:
		r.sub = "reloading"
	case heard.Stopping:
		r.sub = "stopping"
	case heard.Ready:
		r.sub = ""
	}
	if heard.MainPID != 0 && heard.MainPID != r.pid {
		r.nextPID = heard.MainPID
		s.helper.Main(spec.Main{Incarnation: r.incarnation, PID: heard.MainPID})
	}
	s.stores(r, heard)
	if heard.Ready && v.config.Ready.By == generation.ByNotify {
		s.saysReady(r, "it sent READY=1")
	}
	s.changed(v.project)
	if v.run != r { // A candidate has no deadlines here.
		return
	}
	if heard.Extend > 0 {
		at := time.Now().Add(heard.Extend)
		s.deadlines.extend(v, machine.Overdue, at)
		if v.state == machine.Starting {
			s.deadlines.extend(v, machine.Condemn, at)
		}
	}
	s.feedWatchdog(r, heard)
}

// stores keeps or drops descriptors for the next incarnation.
func (s *Supervisor) stores(r *run, heard notification) {
	name := orElse(heard.Name, "stored")
	switch {
	case heard.Store && len(heard.files) > 0:
		s.store(r, name, heard.files)
	default: // BARRIER=1 waits for this, and nobody else has sent any.
		discard(heard.files)
	}
	if heard.Remove && heard.Name != "" {
		s.unstore(r, name)
	}
}

// saysReady makes a service ready that says so by itself.
func (s *Supervisor) saysReady(r *run, how string) {
	if v := r.service; v.run == r && v.state == machine.Starting {
		s.feed(v, machine.Readied, machine.Cause{Kind: machine.ByReadiness, Text: how})
	}
}

// feedWatchdog takes what a message says to the watchdog.
func (s *Supervisor) feedWatchdog(r *run, heard notification) {
	v := r.service
	if heard.Period > 0 && v.config.Watchdog > 0 {
		r.period = heard.Period
	}
	switch {
	case v.state != machine.Ready && v.state != machine.Starting:
	case heard.Trigger:
		s.condemn(v, machine.Cause{Kind: machine.ByReadiness, Code: api.CodeWatchdog, Text: "it reported a failure (WATCHDOG=trigger)"})
	case heard.Watchdog || heard.Period > 0:
		s.watchdog(v)
	}
}

// watchdog gives a service that is ready another period.
func (s *Supervisor) watchdog(v *service) {
	if v.config.Watchdog == 0 || v.run == nil || v.state != machine.Ready {
		return
	}
	period := v.config.Watchdog
	if v.run.period > 0 {
		period = v.run.period
	}
	s.deadlines.set(v, deadline{
		at: time.Now().Add(period), event: machine.Condemn,
		cause: machine.Cause{
			Kind: machine.ByTimer, Code: api.CodeWatchdog, Text: fmt.Sprintf("it sent no WATCHDOG=1 for %s (watchdog)", period),
		},
	})
}

// tookMain is the answer to Main.
func (s *Supervisor) tookMain(incarnation string, refused *spec.Refused) {
	r := s.runs[incarnation]
	if r == nil || r.nextPID == 0 {
		return
	}
	if refused != nil {
		s.note(r.service, fmt.Sprintf("its MAINPID=%d was refused: %s", r.nextPID, refused.Detail))
	} else {
		r.pid = r.nextPID
		s.changed(r.service.project)
	}
	r.nextPID = 0
}
