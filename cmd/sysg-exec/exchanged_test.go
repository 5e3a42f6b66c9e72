package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// These tests are a service's user who exchanges what a launch looks up, while
// it does: the folder that it runs in, its program, the interpreter of that, and
// the paths that it is to see in another way. Root's folder has the same names.

// launchedMeanwhile launches over and over, while its folder is exchanged for a
// link to root's, and until both have been met where the race is to be open. said
// judges what a run that came about says.
func launchedMeanwhile(t *testing.T, c *client, s generation.LaunchService, times *atomic.Int64, open bool, said func(text string) bool) (came int) {
	t.Helper()
	in, tries := c.install(s), 0
	for begin := times.Load(); times.Load() < begin+races() || tries < atLeast(20) || open && (came == 0 || came == tries); tries++ {
		if t.Failed() || tries > 1_000_000 {
			break
		}
		l := request(in, s.Name)
		c.ask(spec.Request{Launch: &l})
		a := c.answer()
		if a.Launched == nil {
			continue
		}
		came++
		p := c.process(a, l)
		if text := readAll(t, p.out); !said(text) {
			t.Fatalf("it says %q", text)
		}
		c.over(p.id)
		c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{p.id}}})
	}
	t.Logf("it came to be %d times of %d", came, tries)
	return came
}

// exchangeable are a folder of the user's and one of root's with the same names:
// run says whose it is, conf/file too, and private is for its owner alone.
func exchangeable(t *testing.T) (dir, roots string) {
	t.Helper()
	dir, roots = owned(t)
	for at, whose := range map[string]string{dir: "own", roots: "roots"} {
		err := errors.Join(os.Mkdir(at+"/conf", 0o755), os.Mkdir(at+"/private", 0o700),
			os.WriteFile(at+"/conf/file", []byte(whose+"\n"), 0o644),
			os.WriteFile(at+"/run", []byte("#!/bin/sh\necho "+whose+" $(id -u)\n"), 0o755))
		if err == nil && at == dir {
			err = errors.Join(os.Chown(at+"/private", serviceUID, serviceUID), os.Chown(at+"/run", serviceUID, serviceUID))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir, roots
}

func TestWhatALaunchLooksUpIsTheUsersHoweverItIsExchanged(t *testing.T) {
	i := startSystem(t)
	c := i.dial()
	c.list()
	dir, roots := exchangeable(t)
	if err := errors.Join(os.Symlink(dir+"/run", filepath.Dir(roots)+"/interpreter"), os.Chmod(roots+"/run", 0o700)); err != nil {
		t.Fatal(err)
	}
	script := filepath.Dir(filepath.Dir(roots)) + "/script"
	if err := os.WriteFile(script, []byte("#!"+dir+"/run\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	times := exchanging(t, dir, roots)
	staged := func(s generation.LaunchService) generation.LaunchService { s.Umask = 0o027; return s }
	inPrivate := runsAs(serviceUID, service("s", "pwd -P"))
	inPrivate.Dir = dir + "/private"
	itsOwn := runsAs(serviceUID, program("s", dir+"/run"))
	for _, s := range []generation.LaunchService{inPrivate, staged(inPrivate), itsOwn, staged(itsOwn)} {
		launchedMeanwhile(t, c, s, times, true, func(text string) bool {
			return text == "" || text == dir+"/private\n" || strings.HasPrefix(text, filepath.Dir(dir)+"/link/private") || text == "own 54322\n"
		})
	}
	roots0 := runsAs(0, program("s", dir+"/run"))
	interpreted := runsAs(0, program("s", script))
	for _, s := range []generation.LaunchService{roots0, staged(roots0), interpreted, staged(interpreted)} {
		if came := launchedMeanwhile(t, c, s, times, false, func(string) bool { return false }); came > 0 {
			t.Errorf("%q of a user's was run as user 0", s.Roles[0].Argv)
		}
	}
	i.alive()
}

// A path that is to be writable, read-only or hidden is mounted on by root: where
// its user leads that elsewhere, it is not done there.
func TestAPathThatIsExchangedIsMountedOnNowhereElse(t *testing.T) {
	i := startSystem(t)
	c := i.dial()
	c.list()
	dir, roots := exchangeable(t)
	times := exchanging(t, dir, roots)
	const look = `cat %/conf/file; ls -A %/conf; touch %/private/new 2>&1 | grep -c Read-only`
	for _, edit := range map[string]func(*generation.Confinement){
		"read_write_paths": func(c *generation.Confinement) {
			c.ProtectSystem, c.ReadWrite = generation.ProtectStrict, []string{dir + "/conf"}
		},
		"read_only_paths":    func(c *generation.Confinement) { c.ReadOnly = []string{dir + "/conf"} },
		"inaccessible_paths": func(c *generation.Confinement) { c.Inaccessible = []string{dir + "/conf"} },
	} {
		s := runsAs(serviceUID, service("s", strings.ReplaceAll(look, "%", roots)))
		edit(s.Confinement)
		launchedMeanwhile(t, c, s, times, true, func(text string) bool {
			lines := strings.Split(text, "\n")
			return slices.Contains(lines, "roots") && slices.Contains(lines, "file")
		})
	}
	if err := unix.Access(roots+"/conf/file", unix.R_OK); err != nil {
		t.Error(err)
	}
	i.alive()
}
