package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// secret is what an env file of root's has, and nobody else may read.
const secret = "PASSWORD=precious"

// saysPassword is a service that tells what it was given from an env file.
func saysPassword(path string) generation.LaunchService {
	s := runsAs(serviceUID, service("s", `echo "password: $PASSWORD"`))
	s.Layers = []generation.Layer{{File: path}}
	return s
}

// An env file is read for a service's user, so that user cannot have one of
// root's, or another user's, read by what it puts in the place of its own.
func TestAnEnvFileCannotBeLedToAnothers(t *testing.T) {
	i := startSystem(t)
	c := i.dial()
	c.list()
	for name, put := range map[string]func(dir, roots string) error{
		"a link":      func(dir, roots string) error { return os.Symlink(roots+"/secret", dir+"/env") },
		"a hard link": func(dir, roots string) error { return os.Link(roots+"/secret", dir+"/env") },
		"a link above it": func(dir, roots string) error {
			return errors.Join(os.Remove(dir), os.Symlink(roots, dir), os.Lchown(dir, serviceUID, 0), os.Rename(roots+"/secret", roots+"/env"))
		},
		"a FIFO": func(dir, roots string) error {
			return errors.Join(unix.Mkfifo(dir+"/env", 0o666), os.Chown(dir+"/env", serviceUID, 0))
		},
		"a huge file": func(dir, roots string) error {
			return errors.Join(os.WriteFile(dir+"/env", nil, 0o644), os.Truncate(dir+"/env", 1<<40))
		},
		"a device": func(dir, roots string) error { return unix.Mknod(dir+"/env", unix.S_IFCHR|0o666, 1<<8|5) },
		"a folder": func(dir, roots string) error { return os.Mkdir(dir+"/env", 0o755) },
		"a stranger's file": func(dir, roots string) error {
			return errors.Join(os.WriteFile(dir+"/env", []byte(secret), 0o600), os.Chown(dir+"/env", strangerUID, 0))
		},
		"a group's folder": func(dir, roots string) error {
			return errors.Join(os.WriteFile(dir+"/env", []byte(secret), 0o600), os.Chown(dir, 0, 0), os.Chmod(dir, 0o775))
		},
	} {
		dir, roots := owned(t)
		if err := errors.Join(os.WriteFile(roots+"/secret", []byte(secret), 0o600), put(dir, roots)); err != nil {
			t.Fatal(err)
		}
		l := request(c.install(saysPassword(dir+"/env")), "s")
		c.ask(spec.Request{Launch: &l})
		a := c.answer()
		if a.Failed == nil {
			t.Errorf("%s: it was launched, and says %q", name, readAll(t, a.fds[1]))
			continue
		}
		failed := a.Failed
		if failed.Stage != spec.StageEnv || strings.Contains(failed.Detail, "precious") {
			t.Errorf("%s: it failed in %s: %s", name, failed.Stage, failed.Detail)
		}
	}
	_, roots := owned(t)
	if err := os.WriteFile(roots+"/secret", []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	p := c.launch(c.install(saysPassword(roots+"/secret")), "s")
	if said := readAll(t, p.out); said != "password: precious\n" {
		t.Errorf("with a path that is root's it says %q", said)
	}
}

func TestAnEnvFileWhoseFolderIsExchangedIsNeverAnothers(t *testing.T) {
	i := startSystem(t)
	c := i.dial()
	c.list()
	dir, roots := owned(t)
	err := errors.Join(os.WriteFile(roots+"/env", []byte(secret), 0o600),
		os.WriteFile(dir+"/env", []byte("PASSWORD=own"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	in := c.install(saysPassword(dir + "/env"))
	times := exchanging(t, dir, roots)
	read, tries := 0, 0
	for times.Load() < races() || tries < atLeast(100) || read == 0 || read == tries { // Until both have been met.
		if t.Failed() || tries > 1_000_000 {
			break
		}
		tries++
		l := request(in, "s")
		c.ask(spec.Request{Launch: &l})
		a := c.answer()
		if a.Launched == nil {
			continue
		}
		read++
		p := c.process(a, l)
		if said := readAll(t, p.out); said != "password: own\n" {
			t.Fatalf("it says %q", said)
		}
		c.over(p.id)
		c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{p.id}}})
	}
	t.Logf("read %d times of %d, while it was exchanged %d times", read, tries, times.Load())
	if read == 0 || read == tries {
		t.Errorf("the race was never open: %d of %d", read, tries)
	}
	i.alive()
}
