package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// Whichever system call of a fork fails, that is told, and nothing is left: no
// process, and no descriptor of the helper's.
func TestEachCallOfAForkMayFail(t *testing.T) {
	requireRoot(t)
	for name, edit := range map[string]func(*generation.Confinement){
		"under init":    func(c *generation.Confinement) { withInit(c); c.Cgroup = true },
		"user":          func(c *generation.Confinement) { c.User = true },
		"user and init": func(c *generation.Confinement) { withInit(c); c.User = true },
		"joined":        func(c *generation.Confinement) { c.User = true },
	} {
		t.Run(name, func(t *testing.T) {
			i := startHelper(t)
			c := i.dial()
			c.list()
			s := isolated("fails", "sleep 1000", edit)
			s.Roles = append(s.Roles, generation.Command{Role: spec.RoleHealth, Argv: []string{"/bin/true"}})
			in := c.install(s)
			main, role := c.launch(in, "fails"), spec.RoleMain
			if name == "joined" {
				role = spec.RoleHealth
			}
			calls, failAt := 0, 0
			var forked []int
			followForks(t, i, func(pid int) {
				if !slices.Contains(forked, pid) {
					forked = append(forked, pid)
				}
				if isOurs(pid) {
					if calls++; calls == failAt {
						failCall(t, pid)
					}
				}
			})
			before := i.descriptors()
			next := 1
			for ; ; next++ {
				looking.Lock()
				calls, forked, failAt = 0, nil, next
				looking.Unlock()
				l := request(in, "fails")
				if l.Role = role; role == spec.RoleHealth {
					l.Beside = main.id
				}
				c.ask(spec.Request{Launch: &l})
				p := c.answer()
				looking.Lock()
				called, all := calls, slices.Clone(forked)
				looking.Unlock()
				if p.Launched != nil && called < next {
					c.done(spec.Request{Kill: &spec.Kill{Incarnation: l.Incarnation}})
					c.over(l.Incarnation)
					c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{l.Incarnation}}})
					break
				}
				if p.Failed == nil || p.Failed.Stage != spec.StageClone || !strings.HasSuffix(p.Failed.Detail, "function not implemented") {
					t.Errorf("call %d: answered by %+v %+v", next, p.Launched, p.Failed)
				}
				for _, pid := range all {
					if !gone(pid) {
						t.Errorf("call %d: process %d of %v is left", next, pid, all)
					}
				}
			}
			if next < 15 {
				t.Errorf("there were only %d calls", next)
			}
			if after := i.descriptors(); !slices.Equal(before, after) {
				t.Errorf("the helper had %q, and has %q", before, after)
			}
		})
	}
}

// isOurs says whether a process is about to make a call that is ours: those of Go's
// runtime, which resets the handlers of signals, cannot fail, and the last two tell.
func isOurs(pid int) bool {
	var regs unix.PtraceRegs
	const entered = ^uint64(unix.ENOSYS) + 1
	if unix.PtraceGetRegs(pid, &regs) != nil || regs.Rax != entered {
		return false
	}
	switch regs.Orig_rax {
	case unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_WRITE, unix.SYS_EXIT_GROUP:
		return false
	}
	return int64(regs.Orig_rax) >= 0
}

// failCall has a call that a process is about to make return ENOSYS.
func failCall(t *testing.T, pid int) {
	var regs unix.PtraceRegs
	err := unix.PtraceGetRegs(pid, &regs)
	if err == nil {
		regs.Orig_rax = ^uint64(0)
		err = unix.PtraceSetRegs(pid, &regs)
	}
	if err != nil {
		t.Error(err)
	}
}

// descriptors are what the helper has open, in order.
func (i *instance) descriptors() (all []string) {
	i.t.Helper()
	paths, err := filepath.Glob("/proc/" + strconv.Itoa(i.command.Process.Pid) + "/fd/*")
	if err != nil || len(paths) == 0 {
		i.t.Fatalf("no descriptors: %v", err)
	}
	for _, path := range paths {
		to, err := os.Readlink(path)
		if err != nil {
			continue
		}
		kind, _, _ := strings.Cut(to, ":")
		all = append(all, kind)
	}
	slices.Sort(all)
	return all
}
