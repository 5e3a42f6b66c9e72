package confine

import (
	"fmt"

	"systemg.org/sysg/pkg/caps"
	"systemg.org/sysg/pkg/sys"
)

// Bare takes from the calling thread, which is locked, what a service without
// capabilities must not get, once for all that it will start: a child has the
// bounding set, no_new_privs and the securebits of the thread that made it, and
// an execve cannot give it more. So a clone that changes the ids and execs
// leaves nothing to be done in between.
//
// The thread keeps its permitted and effective sets: it is it that makes the
// process in its cgroup, and the child that becomes another user. The last step
// of that, or for user 0 the execve, empties them.
func Bare() error {
	if err := caps.Bound(0); err != nil {
		return err
	}
	if err := caps.LockNoRoot(); err != nil {
		return err
	}
	if err := caps.InheritNothing(); err != nil {
		return err
	}
	if err := setNoNewPrivs(); err != nil {
		return err
	}
	state, err := caps.Own()
	if err == nil && (state.Bounding|state.Inheritable|state.Ambient) != 0 {
		err = fmt.Errorf("the thread that launches has %s", state)
	}
	sys.SetThreadName("bare")
	return err
}
