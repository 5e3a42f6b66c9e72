package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/order"
	"systemg.org/sysg/pkg/spec"
)

// reconnect connects to sysg-exec, beside the loop: where systemd holds the
// socket, connecting waits until it has started the helper.
func (s *Supervisor) reconnect() {
	if s.connected || s.helper != (offline{}) {
		return
	}
	if s.dialing {
		// sysg-exec may have come up since that attempt began.
		s.dialAgain = true
		return
	}
	s.dialing, s.redialAt = true, time.Time{}
	go func() {
		helper, err := s.dial()
		s.inbox.post(func() { s.dialed(helper, err) })
	}()
}

func (s *Supervisor) dialed(helper Helper, err error) {
	again := s.dialAgain
	s.dialing, s.dialAgain = false, false
	if err != nil && again {
		s.reconnect()
		return
	}
	if err != nil {
		s.log.Error("Cannot reach sysg-exec", "error", err)
		s.abort(helperless(err.Error()))
		return
	}
	s.helper, s.listing, s.dialedAt = helper, nil, time.Now()
	s.helper.List()
}

func helperless(note string) error {
	return &api.Diagnostic{
		Code: api.CodeHelper, Title: "sysg-exec does not answer", Notes: []string{note},
		Help: []api.Help{{Label: "start it", Command: "sysg start"}},
	}
}

// disconnected is the end of the connection. Services go on; what happens to
// them meanwhile is kept by sysg-exec until we are back.
func (s *Supervisor) disconnected(err error) {
	if err != nil {
		s.log.Warn("Lost the connection to sysg-exec", "error", err)
	}
	s.helper.Close()
	s.helper, s.connected, s.shortly.stale = offline{}, false, true
	s.unanswered()
	s.redialLater()
}

const (
	// redialPause is the time before the second attempt; it doubles.
	redialPause = 50 * time.Millisecond
	// redialLimit is how many connections in a row may break before we wait
	// for somebody who wants something.
	redialLimit = 10
	// redialTrust is how long a connection has to last to be a good one.
	redialTrust = 10 * time.Second
)

// redialLater connects again, at once after a good connection, and ever more
// slowly where connections break as soon as they are made.
func (s *Supervisor) redialLater() {
	now := time.Now()
	if now.Sub(s.dialedAt) > redialTrust {
		s.redials = 0
	}
	switch {
	case s.redials == 0:
		s.redialAt = now
	case s.redials <= redialLimit:
		s.redialAt = now.Add(redialPause << (s.redials - 1))
	default:
		s.log.Error("Connections to sysg-exec keep breaking; waiting for a command to try again")
		s.abort(helperless("connections to it break as soon as they are made"))
	}
	s.redials++
}

// redial connects when it is time for it.
func (s *Supervisor) redial() {
	switch {
	case s.redialAt.IsZero():
	case time.Now().Before(s.redialAt):
		s.wakeAt(s.redialAt)
	default:
		s.reconnect()
	}
}

// listed collects the answer to List, and adopts it once it is complete.
func (s *Supervisor) listed(event execclient.Event) {
	if !event.Reply.Listed.Last {
		s.listing = append(s.listing, event)
		return
	}
	records := make(map[string]execclient.Event, len(s.listing))
	for _, event := range s.listing {
		records[event.Reply.Listed.Record.Launch.Incarnation] = event
	}
	s.listing, s.connected, s.shortly.stale = nil, true, true
	s.adopt(records)
}

// adopt brings our picture and sysg-exec's together. Each run that we know of
// lives, has ended, or was never launched; each one that we do not know of was
// launched in the moments before a crash.
func (s *Supervisor) adopt(records map[string]execclient.Event) {
	before := maps.Clone(s.runs) // what is asked for from here on is in no record
	s.recollect(records)
	for _, p := range s.projects {
		p.stale = true
		for _, v := range p.occupants() {
			if v.run == nil {
				continue
			}
			if s.wentOn(v, records) {
				v.run = nil // stray finds what it prepared for.
				continue
			}
			event, known := records[v.run.incarnation]
			delete(records, v.run.incarnation)
			if known {
				s.found(v, v.run, event)
			} else {
				s.missing(v, v.run)
			}
		}
	}
	for _, event := range newestFirst(records) {
		if r := s.runs[event.Reply.Listed.Record.Launch.Incarnation]; r != nil {
			s.aside(r, event)
			continue
		}
		s.stray(event)
	}
	for incarnation, r := range before {
		if _, known := records[incarnation]; !known && r.service.run != r && !r.emptied {
			if r.pid == 0 && r.side != nil && r.side.patient && r.side.over != nil {
				s.ask(r)
				continue
			}
			delete(s.runs, incarnation)
			s.laid(r)
			s.over(r, outcome{how: "was lost"})
		}
	}
	for _, p := range s.projects {
		p.lost = false
		s.relisten(p)
		s.unstrand(p)
		s.recoverRuns(p)
	}
	s.acknowledge()
}

// wentOn reports whether a start of which we know the preparation went on to
// its main process: the one before us did not live to record that.
func (s *Supervisor) wentOn(v *service, records map[string]execclient.Event) bool {
	if v.state != machine.Preparing || v.of != nil {
		return false
	}
	for incarnation, event := range records {
		record := event.Reply.Listed.Record
		ours := record.Launch.Project == v.project.generation.Project && record.Launch.Service == v.config.Name
		if ours && record.Launch.Role == spec.RoleMain && record.Exited == nil && s.runs[incarnation] == nil {
			return true
		}
	}
	return false
}

// newestFirst puts records into the order of their launches: of several runs of
// a service that nobody knows, the last one tells how it is.
func newestFirst(records map[string]execclient.Event) []execclient.Event {
	events := slices.Collect(maps.Values(records))
	order.By(events, func(a, b *execclient.Event) int {
		return b.Reply.Listed.Record.Started.Compare(a.Reply.Listed.Record.Started)
	})
	return events
}

// aside is a run that sysg-exec has and that does not occupy its service: a
// health probe, or what is left of an earlier run.
func (s *Supervisor) aside(r *run, event execclient.Event) {
	s.meet(r, event)
	heard := r.exited != nil
	s.caughtUp(r, event.Reply.Listed.Record)
	if (heard || r.exited == nil) && r.side == nil {
		s.dismiss(r)
	}
}

// caughtUp takes the end of a run, as far as we have not heard of it.
func (s *Supervisor) caughtUp(r *run, record *spec.Record) {
	switch {
	case record.Exited == nil:
	case r.exited == nil:
		exited := *record.Exited
		exited.Emptied = record.Emptied
		s.exited(exited)
	case record.Emptied:
		s.emptied(r.incarnation)
	case r.service.run == r:
		s.kill(r.service)
	}
}

// found is a run that sysg-exec has: what happened meanwhile happens now, and
// what the state was about to do is done again.
func (s *Supervisor) found(v *service, r *run, event execclient.Event) {
	record := event.Reply.Listed.Record
	s.meet(r, event)
	s.launchedRun(v, r)
	switch {
	case v.state == machine.Launching:
		s.feed(v, machine.Launched, recovered(fmt.Sprintf("it runs as process %d", r.pid)))
	case record.Exited == nil:
		s.resume(v)
	}
	s.caughtUp(r, record)
}

// resume sets the deadlines of a state that was entered before we were here,
// and sends again what may have been lost.
func (s *Supervisor) resume(v *service) {
	switch v.state {
	case machine.Preparing:
		s.limitPreparation(v)
	case machine.Starting:
		s.watch(v)
		s.limitRun(v)
	case machine.Ready:
		s.carry(v, machine.DoSteady, v.cause)
	case machine.Stopping, machine.Restarting:
		// Its stop command has run, or the one before us did not come to that.
		v.run.commanded = v.run.commanded || v.run.found
		s.signal(v)
	case machine.Ending:
		s.kill(v)
	}
}

// missing is a run that sysg-exec does not have.
func (s *Supervisor) missing(v *service, r *run) {
	switch {
	case v.state == machine.Launching:
		s.ask(r)
		return
	case v.state == machine.Preparing && r.pid == 0:
		s.prepareAgain(v)
		return
	}
	s.exited(spec.Exited{Incarnation: r.incarnation, Unknown: true, At: time.Now(), Emptied: true})
}

// meet takes what sysg-exec knows of a run. Descriptors that we have already
// are closed: both are the same pipe, and one reader is enough.
func (s *Supervisor) meet(r *run, event execclient.Event) {
	record := event.Reply.Listed.Record
	first := r.pid == 0 || r.pidFD == nil && r.pipes == 0
	r.pid, r.cgroup, r.started, r.role = record.PID, record.Cgroup, record.Started, record.Launch.Role
	r.missing = record.Missing // It was told of when it was launched.
	if !first {
		event.CloseFiles()
		return
	}
	r.pidFD, r.found = event.PidFD, true
	s.attach(r, event)
}

// stray is a run that nobody here knows. If its service has none, it is the one
// whose launch we did not live to record, and the service goes on with it, or
// with its end. Everything else is ended.
func (s *Supervisor) stray(event execclient.Event) {
	record := event.Reply.Listed.Record
	p, err := s.claim(record.Launch.Project, record.Launch.Generation)
	if err != nil {
		s.log.Error("Found processes of a project that cannot be read; leaving them alone", "service", record.Launch.Service, "error", err)
		event.CloseFiles()
		return
	}
	if p == nil || p.services[record.Launch.Service] == nil {
		s.log.Warn("Found processes of a service that is not installed; ending them", "service", record.Launch.Service)
		event.CloseFiles()
		s.helper.Kill(spec.Kill{Incarnation: record.Launch.Incarnation})
		if record.Emptied {
			s.emptied(record.Launch.Incarnation)
		}
		return
	}
	v := p.services[record.Launch.Service]
	if record.Child != nil {
		s.caughtUp(s.addChild(v, record, event), record)
		return
	}
	r := strayRun(v, record.Launch)
	s.runs[r.incarnation] = r
	unheard := record.Exited == nil || v.wanted && record.Started.After(v.since)
	if r.role == spec.RoleMain && v.run == nil && unheard {
		v.run = r
		v.wanted = v.wanted || p.lost
		s.enter(v, machine.Launching, machine.Launched, recovered("it was being launched"))
		v.witnesses = []string{r.incarnation}
		s.recognise(v, record.Started)
		s.found(v, r, event)
		return
	}
	switch {
	case hookNames[r.role] != "":
		s.strayHook(r, record.Started)
	case r.role != spec.RoleHealth && r.role != spec.RoleLiveness:
		r.ghost = true
		v.ghosts++
	}
	s.aside(r, event)
}

func strayRun(v *service, launch spec.Launch) *run {
	return &run{
		service: v, role: launch.Role, incarnation: launch.Incarnation, number: launch.Generation,
		slot: launch.Slot, event: launch.Event,
	}
}

// laid is a ghost of which nothing is left: the next run may come.
func (s *Supervisor) laid(r *run) {
	if r.ghost {
		r.ghost = false
		r.service.ghosts--
		r.service.project.stale = true
	}
}

// claim finds the project of a run that nobody here knows. One that is
// installed, and of which we have no state, is taken up with what runs: its
// state is lost, or was never written. A project that is not installed is nil.
func (s *Supervisor) claim(name string, number int) (*project, error) {
	if p := s.projects[name]; p != nil {
		return p, nil
	}
	if _, err := s.generations.Active(name); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	supervise, err := s.workedFrom(name, number)
	if err != nil {
		s.unread[name] = true
		return nil, err
	}
	p := &project{generation: supervise, services: map[string]*service{}, lost: true, stale: true}
	for _, config := range supervise.Services {
		p.configure(config)
	}
	s.projects[name] = p
	return p, nil
}

// reclaim asks sysg-exec anew for what lives, since we left something alone
// that is of a project which we now have.
func (s *Supervisor) reclaim(p *project, name string) {
	delete(s.unread, name)
	p.lost = true
	s.connected, s.listing = false, nil
	s.helper.List()
}

// dismiss ends a run that does not occupy its service.
func (s *Supervisor) dismiss(r *run) {
	if !r.emptied {
		s.helper.Kill(spec.Kill{Incarnation: r.incarnation})
	}
}

func recovered(text string) machine.Cause {
	return machine.Cause{Kind: machine.ByRecovery, Text: text + ", found after a restart of the supervisor"}
}
