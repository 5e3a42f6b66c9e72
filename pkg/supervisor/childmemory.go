package supervisor

import (
	"fmt"
	"time"

	"systemg.org/sysg/pkg/metrics"
)

// weighPause is the time between two looks at the memory of children. Where no
// child with a limit lives nobody looks.
const weighPause = time.Second

// weighChildren looks at the memory of the children whose manifest limits it,
// when it is time for that.
func (s *Supervisor) weighChildren() {
	now := time.Now()
	for _, p := range s.projects {
		for _, v := range p.services {
			switch {
			case len(v.children) == 0 || v.config.Spawn == nil || v.config.Spawn.TotalMemory == 0 || v.weighing:
			case now.Before(v.weighAt):
				s.wakeAt(v.weighAt)
			default:
				s.weigh(v)
			}
		}
	}
}

// weigh has the kernel asked, beside the loop.
func (s *Supervisor) weigh(v *service) {
	var targets []metrics.Target
	for _, r := range v.children {
		if r.exited == nil {
			targets = append(targets, r.target())
		}
	}
	v.weighing = true
	go func() { // Ends by itself: it only reads.
		total := uint64(0)
		for _, target := range targets {
			total += s.kernel.Look(target).Memory
		}
		s.inbox.post(func() { s.weighed(v, total) })
	}()
}

// weighed ends the newest child where all together use too much. The next look
// says whether that was enough.
func (s *Supervisor) weighed(v *service, total uint64) {
	v.weighing, v.weighAt = false, time.Now().Add(weighPause)
	if v.config.Spawn == nil || v.config.Spawn.TotalMemory == 0 || total <= v.config.Spawn.TotalMemory {
		return
	}
	var newest *run
	for _, r := range v.children {
		switch {
		case r.exited != nil:
		case r.child.ending:
			return // One that leaves may suffice.
		case newest == nil || !r.started.Before(newest.started):
			newest = r
		}
	}
	if newest == nil {
		return
	}
	why := fmt.Sprintf("the children of its service use %d bytes of memory, and may use %d (spawn.limits.total_memory)", total, v.config.Spawn.TotalMemory)
	s.note(v, fmt.Sprintf("its child %s was ended: %s", newest.child.Name, why))
	s.endChild(newest, why, false)
}
