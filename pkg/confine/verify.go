package confine

import (
	"fmt"
	"os"

	"systemg.org/sysg/pkg/caps"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// verify looks whether a process that was launched directly is what it was to
// be, which nobody inside it could do. It is its program already, but one that
// can change little of this: without capabilities and new privileges it can
// become nobody else.
func verify(pid int, id *generation.Identity) error {
	s, err := sys.ReadProcStatus(pid)
	if err != nil {
		return Fail(spec.StageIDs, fmt.Errorf("cannot see as whom it runs: %w", err))
	}
	failure := verified(&s, id)
	if failure != nil && failure.Stage == spec.StageCapSet && ownUserNamespace(pid) {
		return nil
	}
	if failure != nil {
		return failure
	}
	return nil
}

func verified(s *sys.ProcStatus, id *generation.Identity) *Failure {
	if want := [4]uint32{id.UID, id.UID, id.UID, id.UID}; s.UIDs != want {
		return Fail(spec.StageIDs, fmt.Errorf("user: it runs as %v, not %d", s.UIDs, id.UID))
	}
	if want := [4]uint32{id.GID, id.GID, id.GID, id.GID}; s.GIDs != want {
		return Fail(spec.StageIDs, fmt.Errorf("group: it runs as %v, not %d", s.GIDs, id.GID))
	}
	if !sameGroups(s.Groups, id.Groups) {
		return Fail(spec.StageIDs, fmt.Errorf("supplementary_groups: it has %v, not %v", s.Groups, id.Groups))
	}
	if !s.NoNewPrivs {
		return Fail(spec.StageNoNew, fmt.Errorf("no_new_privileges: it is not set"))
	}
	has := caps.State{
		Permitted: caps.Set(s.CapPermitted), Effective: caps.Set(s.CapEffective), Inheritable: caps.Set(s.CapInheritable),
		Bounding: caps.Set(s.CapBounding), Ambient: caps.Set(s.CapAmbient),
	}
	if has != caps.Exactly(0) {
		return Fail(spec.StageCapSet, fmt.Errorf("capabilities: it has %s", has))
	}
	return nil
}

// ownUserNamespace: as a sandbox does, it has made a user namespace since, in
// which every process has all capabilities, and none outside.
func ownUserNamespace(pid int) bool {
	own, err := os.Readlink("/proc/thread-self/ns/user")
	if err != nil {
		return false
	}
	its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/user", pid))
	return err == nil && its != own
}
