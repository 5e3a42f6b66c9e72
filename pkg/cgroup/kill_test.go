package cgroup

import (
	"os/exec"
	"syscall"
	"testing"
)

// The leaf of an incarnation is made new for it. If it were not, this is what
// would go wrong: a cgroup remembers that it was killed. A kernel that forgets
// passes as well.
func TestAFreshCgroupTakesProcessesWhateverBecameOfItsPredecessor(t *testing.T) {
	base := testBase(t)
	born := func(name string) error {
		leaf, err := base.Ensure(name)
		if err != nil {
			t.Fatal(err)
		}
		defer leaf.Close()
		command := exec.Command("/bin/true")
		command.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: leaf.FD()}
		runErr := command.Run()
		if err := leaf.Kill(); err != nil {
			t.Fatal(err)
		}
		return runErr
	}
	for range 3 {
		if err := born("run-1"); err != nil {
			t.Fatalf("a process in a new cgroup: %v", err)
		}
		if err := base.RemoveTree("run-1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := born("run-1"); err != nil {
		t.Fatal(err)
	}
	t.Logf("a process in a cgroup that was killed before: %v", born("run-1"))
}
