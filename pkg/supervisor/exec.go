package supervisor

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/logs"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/plan"
	"systemg.org/sysg/pkg/spec"
)

// hear takes one event of sysg-exec. Events of a run that nobody knows are
// stale and end here.
func (s *Supervisor) hear(event execclient.Event) {
	reply := event.Reply
	switch {
	case s.quitting && (event.Err != nil || event.Request == execclient.RequestQuit && reply.Refused == nil):
		s.ending = true
	case event.Request == execclient.RequestQuit && reply.Refused != nil:
		s.quitting, s.leaving = false, true
		s.log.Warn("sysg-exec does not end yet", "detail", reply.Refused.Detail)
	case event.Err != nil:
		s.disconnected(event.Err)
	case reply.Listed != nil:
		s.listed(event)
	case reply.Launched != nil:
		s.launched(event)
	case reply.Failed != nil:
		s.failed(*reply.Failed)
	case event.Request == execclient.RequestMain:
		s.tookMain(event.Incarnation, reply.Refused)
	case event.Request == execclient.RequestUnlisten:
		s.unlistened(event)
	case s.heardSockets(event):
	case reply.Refused != nil:
		s.refused(event)
	case reply.Spawned != nil:
		s.spawned(event)
	case reply.Exited != nil:
		s.exited(*reply.Exited)
	case reply.Emptied != nil:
		s.emptied(reply.Emptied.Incarnation)
	}
	if s.leaving && (reply.Exited != nil || reply.Emptied != nil || reply.Failed != nil) {
		s.quit()
	}
}

func (s *Supervisor) launched(event execclient.Event) {
	launched := event.Reply.Launched
	r := s.runs[launched.Incarnation]
	if r == nil || r.pid != 0 {
		event.CloseFiles()
		return
	}
	r.pid, r.cgroup, r.pidFD = launched.PID, launched.Cgroup, event.PidFD
	r.started = s.now()
	s.attach(r, event)
	s.changed(r.service.project)
	if r.side != nil && r.side.began != nil {
		r.side.began()
	}
	v := r.service
	if v.run == r && v.state == machine.Preparing {
		s.limitPreparation(v)
	}
	if v.run == r && r.role == spec.RoleMain {
		s.launchedRun(v, r)
		s.launchedWithout(r, launched.Missing)
		s.inherit(r)
		s.feed(v, machine.Launched, machine.Cause{Kind: machine.ByLaunch, Text: fmt.Sprintf("it was launched as process %d", r.pid)})
	}
}

// attach hands the read ends of the run's pipes to the log capture.
func (s *Supervisor) attach(r *run, event execclient.Event) {
	config := r.service.config
	label, watch := label(r), s.awaitLine(r)
	for stream, pipe := range map[string]*os.File{logs.Stdout: event.Stdout, logs.Stderr: event.Stderr} {
		if pipe == nil {
			continue
		}
		r.pipes++
		s.logs.Attach(logs.Source{
			Project: r.service.project.generation.Project, Service: config.Name, Incarnation: r.incarnation, PID: r.pid,
			Stream: stream, Label: label, Pipe: pipe, Policy: config.Logs, Watch: watch,
		})
	}
	if event.NotifyFD != nil {
		s.hearNotify(r, event.NotifyFD)
	}
	if event.ReadyFD != nil {
		s.hearReady(r, event.ReadyFD)
	}
}

// failed is a launch of which nothing runs.
func (s *Supervisor) failed(failed spec.Failed) {
	r := s.runs[failed.Incarnation]
	if r == nil {
		return
	}
	cause := launchFailure(failed)
	if failed.Stage == spec.StageSockets {
		cause = socketFailure(failed)
	}
	s.neverRan(r, cause)
}

func launchFailure(failed spec.Failed) machine.Cause {
	text := fmt.Sprintf("it could not be launched: stage %s: %s", failed.Stage, failed.Detail)
	if failed.Errno != 0 && failed.Detail == "" {
		text = fmt.Sprintf("it could not be launched: stage %s: %v", failed.Stage, syscall.Errno(failed.Errno))
	}
	return machine.Cause{Kind: machine.ByLaunch, Code: stageCode(failed.Stage, failed.Detail), Text: text}
}

// refused is a request that sysg-exec will not carry out. Only for a launch
// does anything follow from that: signals and kills of what is gone are moot.
func (s *Supervisor) refused(event execclient.Event) {
	refused := event.Reply.Refused
	r := s.runs[event.Incarnation]
	if r == nil || r.pid != 0 || event.Request != execclient.RequestLaunch {
		s.log.Debug("Refused by sysg-exec, ignoring", "reason", refused.Reason, "detail", refused.Detail)
		return
	}
	s.overtaken(r)
	s.neverRan(r, machine.Cause{
		Kind: machine.ByLaunch, Code: api.CodeHelper,
		Text: fmt.Sprintf("sysg-exec refused to launch it (%s): %s", refused.Reason, refused.Detail),
	})
}

// overtaken goes over to the active generation where that of a refused launch
// may not be launched any more: it was installed, and whoever did that did not
// live to ask for it.
func (s *Supervisor) overtaken(r *run) {
	p := r.service.project
	active, err := s.generations.Active(p.generation.Project)
	if err != nil || active <= p.generation.Number+1 {
		return
	}
	if _, err := s.install(p.generation.Project, active); err != nil {
		s.log.Error("Cannot go over to the active generation", "project", p.generation.Project, "error", err)
		return
	}
	s.reconcile(p, plan.Scope{}, machine.Cause{Kind: machine.ByRecovery, Text: fmt.Sprintf("generation %d had been installed", active)})
}

// neverRan ends a run that did not come to be.
func (s *Supervisor) neverRan(r *run, cause machine.Cause) {
	v := r.service
	delete(s.runs, r.incarnation)
	if v.run != r {
		s.over(r, outcome{how: strings.TrimPrefix(cause.Text, "it ")})
		return
	}
	v.run = nil
	s.tellFailed(v, r)
	s.feed(v, machine.Judge(v.config, machine.End{Condemned: true}, v.restarts), cause)
}

// exited is the end of a run's main process.
func (s *Supervisor) exited(exited spec.Exited) {
	r := s.runs[exited.Incarnation]
	if r == nil && exited.Emptied {
		s.emptied(exited.Incarnation)
	}
	if r == nil || r.exited != nil {
		return
	}
	r.exited = &exited
	v := r.service
	s.changed(v.project)
	switch {
	case v.run != r:
		s.over(r, r.outcome())
		s.clear(r)
	case r.prepared():
		s.kill(v)
	default:
		s.mainExited(v, r)
	}
	s.parentEnded(r)
	if exited.Emptied {
		s.emptied(exited.Incarnation)
	}
}

// clear ends what a run left behind that does not occupy its service.
func (s *Supervisor) clear(r *run) {
	if !r.exited.Emptied {
		s.helper.Kill(spec.Kill{Incarnation: r.incarnation})
	}
}

func (s *Supervisor) mainExited(v *service, r *run) {
	v.lastEnd = lastExit(r.exited)
	s.endedRun(v, r)
	ran := v.state == machine.Starting || v.state == machine.Ready
	asked := v.asked()
	r.early = v.state == machine.Starting
	if r.exited.Emptied {
		r.emptied = true // nothing is left to kill
	}
	s.feed(v, machine.Exited, s.exitCause(v, r))
	r.emptied = false
	verdict := machine.Judge(v.config, r.end(), v.restarts)
	if ran && verdict != machine.Finish && verdict != machine.Listen {
		s.casualties(v)
	}
	if r.role == spec.RoleMain {
		s.tellEnd(v, r, asked)
	}
}

// exitCause tells the end of a run in words. Where we ended it for a failure of
// its own, that is the cause, not the signal that we sent.
func (s *Supervisor) exitCause(v *service, r *run) machine.Cause {
	if r.condemned != nil {
		return *r.condemned
	}
	cause := machine.Cause{Kind: machine.ByExit, Text: "it " + describe(r)}
	switch r.role {
	case spec.RolePreStart:
		return machine.Cause{Kind: machine.ByExit, Code: api.CodePreStart, Text: "its pre_start command " + describe(r)}
	case spec.RoleSkip:
		return machine.Cause{Kind: machine.ByExit, Code: api.CodeStartFailed, Text: "its skip command " + describe(r)}
	}
	if !v.asked() && !r.end().Succeeded(v.config.Success) {
		cause.Code = api.CodeStartFailed
		if r.exited.OOM != nil {
			cause.Code = api.CodeOutOfMemory
			return cause
		}
		if r.early {
			cause.Code = api.CodeExitedAtStart
		}
	}
	return cause
}

// describeEnd says how a main process ended.
func describeEnd(exited *spec.Exited) string {
	signal := exitSignal(exited.Status)
	switch {
	case exited.Unknown:
		return "ended while nobody could see how"
	case signal != 0:
		return fmt.Sprintf("was ended by signal %d (%s)", signal, syscall.Signal(signal))
	}
	return fmt.Sprintf("exited with code %d", exitCode(exited.Status))
}

// emptied is the end of everything that a run left behind.
func (s *Supervisor) emptied(incarnation string) {
	r := s.runs[incarnation]
	if r == nil { // nobody waits for it
		s.helper.Ack(spec.Ack{Incarnations: []string{incarnation}})
		return
	}
	if r.emptied {
		return
	}
	r.emptied = true
	v := r.service
	if v.run == r {
		s.vacated(v, r)
	}
	if r.side != nil && r.side.gone != nil {
		r.side.gone()
	}
	s.laid(r)
	s.changed(v.project)
	r.seq = v.project.seq
	r.close()
}

// vacated is a service of which nothing is left.
func (s *Supervisor) vacated(v *service, r *run) {
	v.run, v.stuck = nil, false
	if r.prepared() {
		s.goOn(v, r)
		return
	}
	switch {
	case v.asked():
		s.tellGone(v, r, v.state == machine.Stopping)
	case r.role != spec.RoleMain:
		s.tellFailed(v, r)
	}
	s.feed(v, machine.Judge(v.config, r.end(), v.restarts), s.exitCause(v, r))
}

// drained is a log pipe at its end.
func (s *Supervisor) drained(incarnation string) {
	if r := s.runs[incarnation]; r != nil {
		r.pipes--
		s.acknowledge()
	}
}

// written is the news that a project's state up to seq is on disk.
func (s *Supervisor) written(name string, seq uint64, err error) {
	p := s.projects[name]
	if p == nil {
		return
	}
	p.saving, p.unsavable = false, err != nil
	if err != nil {
		s.tellSaved(p)
		s.log.Error("Cannot save state; will try again with the next change", "project", name, "error", err)
		return
	}
	p.saved = max(p.saved, seq)
	s.tellSaved(p)
	s.acknowledge()
}

// acknowledge lets sysg-exec forget the runs of which nothing is left: no
// process, no byte in a pipe, and an end that is on disk.
func (s *Supervisor) acknowledge() {
	if !s.connected {
		return
	}
	var over []string
	for incarnation, r := range s.runs {
		if r.emptied && r.pipes <= 0 && r.service.project.saved >= r.seq {
			over = append(over, incarnation)
			delete(s.runs, incarnation)
		}
	}
	if len(over) > 0 {
		s.helper.Ack(spec.Ack{Incarnations: over})
	}
}

func (r *run) close() {
	discard(r.ears)
	r.ears = nil
	if r.pidFD != nil {
		r.pidFD.Close()
		r.pidFD = nil
	}
}
