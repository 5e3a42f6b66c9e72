package supervisor

import (
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
}

// deadlines are all that is to happen. There are few for each service, so a
// scan is as good as a heap until there are thousands of services, and simpler:
// only services with a deadline are in the map.
type deadlines map[*service][]deadline

// set adds a deadline; one for the same event is replaced.
func (d deadlines) set(v *service, next deadline) {
	list := d[v]
	for i := range list {
		if list[i].event == next.event && list[i].probe == next.probe {
			list[i] = next
			return
		}
	}
	d[v] = append(list, next)
}

// clear ends all deadlines of a service.
func (d deadlines) clear(v *service) { delete(d, v) }

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
