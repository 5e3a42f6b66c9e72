package supervisor

import "time"

// savePause is how long changes are gathered before the next write. A write
// costs some syncs to the disk, and what changes between two of them is seldom
// worth its own: after a crash sysg-exec tells what runs.
const savePause = 500 * time.Millisecond

// save hands a changed project to the writer, one value at a time. Only a wish
// that somebody waits to see safe is not gathered with others.
func (s *Supervisor) save(p *project) {
	if !p.dirty || p.saving {
		return
	}
	now := time.Now()
	if now.Before(p.saveAt) && !s.urgent(p) {
		s.wakeAt(p.saveAt)
		return
	}
	p.dirty, p.saving, p.saveAt = false, true, now.Add(savePause)
	s.states.Put(p.record(s.bootID), p.seq)
}

// flush hands over what is still to be saved. Nothing would be wrong without
// it, but the next supervisor would have more to find out.
func (s *Supervisor) flush() {
	for _, p := range s.projects {
		if p.dirty {
			s.states.Put(p.record(s.bootID), p.seq)
		}
	}
}

// urgent reports whether somebody waits until p is saved.
func (s *Supervisor) urgent(p *project) bool {
	if len(p.waiting) > 0 {
		return true
	}
	for _, o := range s.ops {
		if o.waitsFor(p) {
			return true
		}
	}
	return false
}

// waitsFor reports whether o's wish for p could still be lost. Where the disk
// takes nothing there is no point in waiting.
func (o *op) waitsFor(p *project) bool { return p.saved < o.wishes[p] && !p.unsavable }

func (o *op) unsaved() bool {
	for p := range o.wishes {
		if o.waitsFor(p) {
			return true
		}
	}
	return false
}

// wakeAt has the loop turn at a time at which no service has a deadline.
func (s *Supervisor) wakeAt(at time.Time) {
	if s.wake.IsZero() || at.Before(s.wake) {
		s.wake = at
	}
}

// safe is somebody who waits until a change is on disk.
type safe struct {
	seq  uint64
	tell func()
}

// whenSaved tells when all that is so now is on disk, or cannot be put there.
func (s *Supervisor) whenSaved(p *project, tell func()) {
	p.waiting = append(p.waiting, safe{p.seq, tell})
	s.tellSaved(p)
}

func (s *Supervisor) tellSaved(p *project) {
	waiting := p.waiting
	p.waiting = nil // Who is told may wait for the next.
	for _, one := range waiting {
		if p.saved >= one.seq || p.unsavable {
			one.tell()
			continue
		}
		p.waiting = append(p.waiting, one)
	}
}
