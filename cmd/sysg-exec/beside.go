package main

import (
	"systemg.org/sysg/pkg/confine"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// besideStranger says whether a launch names an incarnation of another service
// as the one that it runs beside. One that is not known, or not any more, is
// none: then the launch has namespaces of its own.
func (h *helper) besideStranger(l *spec.Launch) bool {
	inc := h.incarnations[l.Beside]
	return inc != nil && ownerOf(&inc.record.Launch) != ownerOf(l)
}

// equipJoin passes the process whose namespaces a launch joins.
func (h *helper) equipJoin(inc *incarnation, j *job) (err error) {
	l := &inc.record.Launch
	other := h.incarnations[l.Beside]
	if other == nil || other.state != running || other.record.Exited != nil || other.pidfd < 0 || !confine.Joins(l.Role) {
		return nil
	}
	j.place.JoinFD, err = sys.Dup(other.pidfd)
	return err
}
