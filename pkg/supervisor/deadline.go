package supervisor

import (
	"slices"
	"time"

	"systemg.org/sysg/pkg/machine"
)

// deadline is an event that happens to a service at a certain time, unless the
// service changes its state before.
type deadline struct {
	at    time.Time
	event machine.Event
	cause machine.Cause
	// probe stands for the health check instead of an event.
	probe bool
	// killed: SIGKILL was sent, so nothing should be left by then.
	killed bool
	// run is set for the limit of a run beside, which outlasts the state of
	// the service.
	run *run
	// trial is set for what is next in a replacement: then, or its next step.
	trial *trial
	then  func()
}

// same reports whether two deadlines are for the same thing.
func (d deadline) same(as deadline) bool {
	return d.event == as.event && d.probe == as.probe && d.run == as.run && d.trial == as.trial
}

// deadlines are all that is to happen. There are few for each service, so a
// scan is as good as a heap until there are thousands of services, and simpler:
// only services with a deadline are in the map.
type deadlines map[*service][]deadline

// set adds a deadline; one for the same event is replaced.
func (d deadlines) set(v *service, next deadline) {
	list := d[v]
	for i := range list {
		if list[i].same(next) {
			list[i] = next
			return
		}
	}
	d[v] = append(list, next)
}

// extend puts off the event of a service, if one is set.
func (d deadlines) extend(v *service, event machine.Event, at time.Time) {
	for i := range d[v] {
		if one := &d[v][i]; one.same(deadline{event: event}) && !one.killed && at.After(one.at) {
			one.at = at
		}
	}
}

// pending reports whether a service still has its time until an event.
func (d deadlines) pending(v *service, event machine.Event) bool {
	return slices.ContainsFunc(d[v], func(one deadline) bool { return one.same(deadline{event: event}) && !one.killed })
}

// clear ends what belonged to the state of a service.
func (d deadlines) clear(v *service) {
	d.remove(v, func(deadline deadline) bool { return deadline.run == nil })
}

// drop ends the limit of a run.
func (d deadlines) drop(r *run) {
	d.remove(r.service, func(deadline deadline) bool { return deadline.run == r })
}

func (d deadlines) remove(v *service, which func(deadline) bool) {
	if d[v] = slices.DeleteFunc(d[v], which); len(d[v]) == 0 {
		delete(d, v)
	}
}

// due takes out one deadline that has passed.
func (d deadlines) due(now time.Time) (*service, deadline, bool) {
	for v, list := range d {
		for i, deadline := range list {
			if !deadline.at.After(now) {
				d[v] = append(list[:i:i], list[i+1:]...)
				return v, deadline, true
			}
		}
	}
	return nil, deadline{}, false
}

// next is the earliest deadline; ok is false where there is none.
func (d deadlines) next() (at time.Time, ok bool) {
	for _, list := range d {
		for _, deadline := range list {
			if !ok || deadline.at.Before(at) {
				at, ok = deadline.at, true
			}
		}
	}
	return at, ok
}
