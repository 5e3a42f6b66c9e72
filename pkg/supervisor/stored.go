package supervisor

import (
	"os"
	"slices"

	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// What a service stores (FDSTORE=1, sd_notify(3)) is with sysg-exec, which hands
// it to the next incarnation. Copies are kept here, so that it outlives sysg-exec
// also where that has no holder. Where it finds that the other side of one is gone
// it drops it, also one that it gets from here.

// storedFile is a copy of one descriptor.
type storedFile struct {
	name string
	file *os.File
}

// store hands files to sysg-exec, and keeps copies.
func (s *Supervisor) store(r *run, name string, files []*os.File) {
	v := r.service.owner()
	for _, file := range files {
		if len(v.stored) >= spec.MaxKept || v.hasStored(file) {
			continue
		}
		if copied, err := sys.DupFile(file); err == nil {
			v.stored = append(v.stored, storedFile{name, copied})
		}
	}
	if err := s.helper.Keep(spec.Keep{Incarnation: r.incarnation, Name: name}, files); err != nil {
		s.log.Debug("Cannot have descriptors stored now", "service", v.selector(), "error", err)
	}
}

// unstore closes what is stored under a name. A sysg-exec that is away is told when
// it is back, since it keeps what it had.
func (s *Supervisor) unstore(r *run, name string) {
	v := r.service.owner()
	v.dropStored(func(other string) bool { return other == name })
	drop := spec.Drop{Incarnation: r.incarnation, Name: name}
	if s.helper.Drop(drop) != nil {
		v.undropped = append(v.undropped, drop)
	}
}

// owner is the service that a stand-in stands in for, else the service itself.
func (v *service) owner() *service {
	if v.of != nil {
		return v.of
	}
	return v
}

func (v *service) hasStored(file *os.File) bool {
	return slices.ContainsFunc(v.stored, func(one storedFile) bool { return sys.SameOpen(one.file, file) })
}

// dropStored closes copies.
func (v *service) dropStored(meant func(name string) bool) {
	v.stored = slices.DeleteFunc(v.stored, func(one storedFile) bool {
		if meant(one.name) {
			_ = one.file.Close()
			return true
		}
		return false
	})
}

// storeAgain gives a new sysg-exec what a service stored. It is known by its
// incarnation, or else, while it waits for its next one, by its name.
func (s *Supervisor) storeAgain(v *service) {
	g := v.project.generation
	keep := spec.Keep{Of: &spec.Owner{Project: g.Project, Generation: g.Number, Hash: g.Hash, Service: v.config.Name}}
	if v.run != nil && v.run.role == spec.RoleMain && !v.run.emptied {
		keep = spec.Keep{Incarnation: v.run.incarnation}
	}
	for _, drop := range v.undropped {
		_ = s.helper.Drop(drop)
	}
	v.undropped = nil
	for _, one := range v.stored {
		keep.Name = one.name
		copied, err := sys.DupFile(one.file)
		if err == nil {
			err = s.helper.Keep(keep, []*os.File{copied})
		}
		if err != nil {
			s.log.Debug("Cannot have descriptors stored now", "service", v.selector(), "error", err)
			return
		}
	}
}
