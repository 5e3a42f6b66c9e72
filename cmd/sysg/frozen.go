package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/doctor"
	"systemg.org/sysg/pkg/paths"
)

// A supervisor that does not answer is killed where everything is to end
// anyway. Nothing is lost by it: the services are sysg-exec's, and the next
// supervisor stops them in order.

// thaw replaces a supervisor that does not answer.
func (a *app) thaw() (*client.Conn, error) {
	pid := a.instance.supervisorPID()
	if pid == 0 {
		return nil, &api.Diagnostic{
			Code: api.CodeNotAnswering, Title: "the supervisor does not answer, and its process was not found",
			Notes: []string{"nobody holds " + a.instance.lockPath()},
		}
	}
	a.hurried = false
	a.warn(fmt.Sprintf("the supervisor (process %d) does not answer; killing it", pid))
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return nil, fmt.Errorf("cannot kill process %d: %w", pid, err)
	}
	lock, err := lockFile(a.instance.lockPath()) // which it holds to its end
	if err != nil {
		return nil, err
	}
	_ = lock.Close()
	return a.raise(context.Background())
}

func (i *instance) lockPath() string { return paths.Lock(i.state) }

// locks are what both daemons hold for their lives. They are there afterwards,
// and each is who holds it's: where root made that of sysgd, it could not start.
func (i *instance) locks() []string {
	if i.system {
		makeOwned(i.lockPath())
	}
	return []string{i.lockPath(), filepath.Join(i.state, "exec.lock")}
}

// supervisorPID is who holds the supervisor's lock, 0 if that is nobody, or
// not one of our programs.
func (i *instance) supervisorPID() int {
	info, err := os.Stat(i.lockPath())
	if err != nil {
		return 0
	}
	stat, _ := info.Sys().(*syscall.Stat_t)
	table, err := os.ReadFile("/proc/locks")
	if stat == nil || err != nil {
		return 0
	}
	for _, pid := range doctor.Holders(string(table), stat.Ino) {
		program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if err == nil && filepath.Base(strings.TrimSuffix(program, " (deleted)")) == sysgd.name {
			return pid
		}
	}
	return 0
}
