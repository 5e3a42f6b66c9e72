package confine

import (
	"encoding/binary"
	"errors"
	"math"

	"systemg.org/sysg/pkg/generation"
)

// maxLaunch bounds the text of a Launch, in bytes. The kernel lets arguments
// and environment have 6 MiB together at most.
const maxLaunch = 16 << 20

// wire is a Launch on its way to the staged process, which is this same program. The
// functions below write what they are given the address of, or read it. JSON would
// do, but takes a program that has just begun a quarter of a millisecond.
type wire struct {
	// text is what was written, or is left to be read.
	text    []byte
	reading bool
	short   bool
}

func encode(l *Launch) []byte {
	var w wire
	w.launch(l)
	return w.text
}

func decode(text []byte) (l Launch, err error) {
	w := wire{text: text, reading: true}
	w.launch(&l)
	if w.short || len(w.text) > 0 || len(l.Argv) == 0 {
		return Launch{}, errors.New("cannot read launch: it is cut off or no launch")
	}
	return l, nil
}

func (w *wire) launch(l *Launch) {
	list(w, &l.Argv, text)
	list(w, &l.Env, text)
	text(w, &l.Dir)
	number(w, &l.Umask)
	list(w, &l.Rlimits, func(w *wire, r *generation.Rlimit) {
		text(w, &r.Name)
		number(w, &r.Soft)
		number(w, &r.Hard)
	})
	optional(w, &l.Nice, number)
	optional(w, &l.OOMScore, number)
	list(w, &l.Affinity, number)
	number(w, &l.IOPriority)
	flags(w, &l.NoNewPrivs, &l.Joined)
	optional(w, &l.Confinement, confinement)
	list(w, &l.Passed, number)
	list(w, &l.OwnPID, text)
}

func confinement(w *wire, c *generation.Confinement) {
	id := &c.Identity
	text(w, &id.Name)
	text(w, &id.Home)
	text(w, &id.Shell)
	number(w, &id.UID)
	number(w, &id.GID)
	list(w, &id.Groups, number)
	flags(w, &id.Dropped, &c.Network, &c.Mount, &c.PID, &c.User, &c.IPC, &c.UTS, &c.Cgroup, &c.Init, &c.PrivateTmp, &c.PrivateDevices)
	number(w, &c.Capabilities)
	text(w, &c.ProtectSystem)
	list(w, &c.ReadOnly, text)
	list(w, &c.ReadWrite, text)
	list(w, &c.Inaccessible, text)
	optional(w, &c.Seccomp, func(w *wire, s *generation.Seccomp) {
		text(w, &s.Name)
		text(w, &s.Filter)
	})
	optional(w, &c.Landlock, func(w *wire, l *generation.Landlock) {
		list(w, &l.ReadOnly, text)
		list(w, &l.ReadWrite, text)
		list(w, &l.Bind, number)
		list(w, &l.Connect, number)
	})
	text(w, &c.AppArmor)
	text(w, &c.SELinux)
	list(w, &c.BestEffort, text)
}

// number is any integer: a negative one is written as the large one of its bits.
func number[T ~int | ~uint64 | ~uint32 | ~uint16](w *wire, n *T) {
	if !w.reading {
		w.text = binary.AppendUvarint(w.text, uint64(*n))
		return
	}
	value, size := binary.Uvarint(w.text)
	if size <= 0 {
		w.cut()
		return
	}
	*n, w.text = T(value), w.text[size:]
}

// flags are at most 64.
func flags(w *wire, all ...*bool) {
	var bits uint64
	for i, flag := range all {
		if *flag {
			bits |= 1 << i
		}
	}
	number(w, &bits)
	for i, flag := range all {
		*flag = bits>>i&1 == 1
	}
}

// text is preceded by its length.
func text[T ~string | ~[]byte](w *wire, t *T) {
	size := uint64(len(*t))
	number(w, &size)
	switch {
	case !w.reading:
		w.text = append(w.text, *t...)
	case size > uint64(len(w.text)):
		w.cut()
	default:
		*t, w.text = T(w.text[:size]), w.text[size:]
	}
}

// list is preceded by its length, or by none if it is nil: no ports are other than all.
func list[T any](w *wire, items *[]T, item func(*wire, *T)) {
	const none = math.MaxUint64
	size := uint64(none)
	if *items != nil {
		size = uint64(len(*items))
	}
	number(w, &size)
	if w.reading && size != none {
		if size > uint64(len(w.text)) { // Each item has a byte at least.
			w.cut()
			return
		}
		*items = make([]T, size)
	}
	for i := range *items {
		item(w, &(*items)[i])
	}
}

// optional is preceded by whether it is there.
func optional[T any](w *wire, value **T, one func(*wire, *T)) {
	there := *value != nil
	flags(w, &there)
	if w.reading && there {
		*value = new(T)
	}
	if there {
		one(w, *value)
	}
}

// cut ends the reading of what is too short.
func (w *wire) cut() { w.text, w.short = nil, true }
