package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"systemg.org/sysg/pkg/cgroup"
	"systemg.org/sysg/pkg/spec"
)

func TestQuitEndsAHelperWithNothingToDo(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		in := c.install(service("s", "exec sleep 600"))
		p := c.launch(in, "s")
		c.ask(spec.Request{Quit: &spec.Quit{}})
		if p := c.answer(); p.Refused == nil || p.Refused.Reason != spec.ReasonBusy {
			t.Errorf("quit was answered by %+v while a service lives", p.Reply)
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
		c.over(p.id)
		c.done(spec.Request{Quit: &spec.Quit{}})
		if err := i.command.Wait(); err != nil {
			t.Errorf("it ended with %v: %s", err, i.stderr)
		}
		// The exit that nobody acknowledged is told by the next one.
		i.start()
		c = i.dial()
		if one := c.list()[p.id]; one.Listed == nil || one.Listed.Record.Exited == nil || one.Listed.Record.Exited.Status != 9 {
			t.Errorf("it is listed as %+v", one.Listed)
		}
		c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{p.id}}})
		c.done(spec.Request{Quit: &spec.Quit{}})
		if err := i.command.Wait(); err != nil {
			t.Errorf("it ended with %v: %s", err, i.stderr)
		}
		if mode == "cgroup" {
			mount, err := cgroup.FindMount()
			if err != nil {
				t.Fatal(err)
			}
			base := filepath.Join(mount.Point, p.cgroup, "../../..")
			if _, err := os.Lstat(base); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it left the cgroup %q: %v", base, err)
			}
		}
	})
}
