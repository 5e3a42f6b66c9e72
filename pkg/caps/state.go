package caps

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// State is the five sets of a thread.
type State struct {
	Permitted, Effective, Inheritable, Bounding, Ambient Set
}

// Exactly is the state of a program that has a list and nothing else.
func Exactly(list Set) State {
	return State{list, list, list, list, list}
}

// String names the sets that there are.
func (s State) String() string {
	if s == Exactly(s.Permitted) {
		return s.Permitted.String()
	}
	return fmt.Sprintf("permitted %s, effective %s, inheritable %s, bounding %s, ambient %s",
		s.Permitted, s.Effective, s.Inheritable, s.Bounding, s.Ambient)
}

// Own reads the state of the calling thread. It asks by system calls, not in
// /proc: a process that has changed its user may not read its own files there.
func Own() (State, error) {
	var state State
	sets, err := get()
	if err != nil {
		return state, err
	}
	for n := 0; n < 64; n++ {
		bound, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0)
		if err == unix.EINVAL {
			break // The kernel has no more.
		}
		if err != nil {
			return state, os.NewSyscallError("prctl PR_CAPBSET_READ", err)
		}
		ambient, err := unix.PrctlRetInt(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_IS_SET, uintptr(n), 0, 0)
		if err != nil {
			return state, os.NewSyscallError("prctl PR_CAP_AMBIENT", err)
		}
		state.Bounding |= Set(bound) << n
		state.Ambient |= Set(ambient) << n
	}
	state.Permitted, state.Effective, state.Inheritable = sets.sets()
	return state, nil
}

// Known is what this kernel knows of.
func Known() Set {
	var all Set
	for n := 0; n < 64; n++ {
		if _, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0); err != nil {
			break // The kernel has no more.
		}
		all |= 1 << n
	}
	return all
}

// Data is what capget(2) and capset(2) take: the lower and the upper 32 bits.
type Data [2]unix.CapUserData

// DataOf has the given sets.
func DataOf(permitted, effective, inheritable Set) Data {
	var d Data
	for i := range d {
		d[i] = unix.CapUserData{
			Permitted: uint32(permitted >> (32 * i)), Effective: uint32(effective >> (32 * i)), Inheritable: uint32(inheritable >> (32 * i)),
		}
	}
	return d
}

func (h *Data) sets() (permitted, effective, inheritable Set) {
	join := func(low, high uint32) Set { return Set(low) | Set(high)<<32 }
	return join(h[0].Permitted, h[1].Permitted), join(h[0].Effective, h[1].Effective), join(h[0].Inheritable, h[1].Inheritable)
}

func get() (Data, error) {
	var h Data
	// Pid 0 is the calling thread.
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	err := unix.Capget(&header, &h[0])
	return h, os.NewSyscallError("capget", err)
}

func put(permitted, effective, inheritable Set) error {
	h := DataOf(permitted, effective, inheritable)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	return os.NewSyscallError("capset", unix.Capset(&header, &h[0]))
}
