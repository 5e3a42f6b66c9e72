package confine

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What we take for the interpreter is what this kernel executes, or it executes
// nothing.
func TestAnInterpreterIsTheOneThatTheKernelTakes(t *testing.T) {
	dir := t.TempDir()
	echo := dir + "/echo"
	if err := os.Symlink("/bin/echo", echo); err != nil {
		t.Fatal(err)
	}
	// As long as fits behind the two, and one more: /echo after many slashes.
	longest := strings.Repeat("/", scriptLine-3-len(echo)) + echo
	for line, runs := range map[string]bool{
		"#!" + echo:                     true, // A short file ends with it.
		"#!" + echo + "\n":              true,
		"#! \t " + echo + " \t\n":       true,
		"#!" + echo + " an argument\n":  true,
		"#!" + echo + "\tan argument\n": true,
		"#!" + echo + "\x00/bin/false":  true,
		"#!" + longest[1:] + "\n":       true,
		"#!" + longest + "\n":           true,
		"#!/" + longest + "\n":          false,
		"#!/" + longest + "x":           false,
		"#!" + echo + "\r\n":            false,
		"#! \n":                         false,
		"#!\n":                          false,
		"#!":                            false,
		"#!\x00" + echo + "\n":          false,
		" #!" + echo + "\n":             false,
		"":                              false,
	} {
		path := filepath.Join(dir, "script")
		if err := os.WriteFile(path, []byte(line), 0o755); err != nil {
			t.Fatal(err)
		}
		err := exec.Command(path).Run()
		if (err == nil) != runs {
			t.Errorf("%q is executed: %v, want %t", line, err, runs)
		}
		got, err := interpreter(path)
		if err != nil {
			t.Fatal(err)
		}
		if (got != "" && filepath.Clean(got) == echo) != runs {
			t.Errorf("%q is taken for a script of %q", line, got)
		}
	}
}

// The kernel replaces a program by its interpreter, and that by its own, a few
// times; one more is no program for us either.
func TestInterpretersOfInterpretersAreFollowedAsFarAsTheKernelDoes(t *testing.T) {
	top := playground(t)
	at, refused := "/bin/true", 0
	for n := range 2 * maxInterpreters {
		script := filepath.Join(top, "safe", "script"+string(rune('a'+n)))
		if err := os.WriteFile(script, []byte("#!"+at+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		at = script
		runs, err := exec.Command(script).Run(), rootsOwn(script, "/")
		if (runs == nil) != (err == nil) {
			t.Errorf("the one of %d interpreters is executed: %v, and looked at: %v", n+1, runs, err)
		}
		if err != nil {
			refused++
		}
	}
	if refused == 0 || refused == 2*maxInterpreters {
		t.Errorf("%d were refused", refused)
	}
}

func TestUserZeroRunsNoScriptOfAnothersInterpreter(t *testing.T) {
	top := playground(t)
	for name, test := range map[string]struct{ line, problem string }{
		"a shell":                   {"#!/bin/sh\n", ""},
		"env":                       {"#!/usr/bin/env nothing-of-the-kind\n", ""},
		"a relative one":            {"#!safe/prog\n", ""},
		"a link":                    {"#!" + top + "/safe/to-prog\n", ""},
		"none at all":               {"echo\n", ""},
		"another's":                 {"#!" + top + "/safe/owned\n", "belongs to user 1234"},
		"a group's":                 {"#! " + top + "/safe/group -x\n", "can be written to by others"},
		"in another's folder":       {"#!" + top + "/user/prog\n", "belongs to user 1234"},
		"by a link":                 {"#!" + top + "/safe/to-user\n", "belongs to user 1234"},
		"in a folder of all":        {"#!" + top + "/open/prog", "can be written to by others"},
		"relative and another's":    {"#!user/prog\n", "belongs to user 1234"},
		"another's, by a safe one":  {"#!" + top + "/safe/second\n", "belongs to user 1234"},
		"one that is not there":     {"#!/nonexistent/sh\n", "no such file"},
		"one that may come to be":   {"#!" + top + "/user/none\n", "belongs to user 1234"},
		"one whose name has no end": {"#!" + strings.Repeat("/", 300) + "bin/sh\n", ""}, // For the kernel, too.
	} {
		script := filepath.Join(top, "safe", "script")
		for path, line := range map[string]string{script: test.line, top + "/safe/second": "#!" + top + "/user/prog\n"} {
			if err := os.WriteFile(path, []byte(line), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		err := rootsOwn(script, top)
		switch {
		case (err == nil) != (test.problem == ""):
			t.Errorf("%s: %v, want %q", name, err, test.problem)
		case err != nil && !(strings.HasPrefix(err.Error(), "user: ") && strings.Contains(err.Error(), "an interpreter that only root can change") && strings.Contains(err.Error(), test.problem)):
			t.Errorf("%s: %v, want %q", name, err, test.problem)
		}
	}
	if err := unix.Mkfifo(top+"/safe/fifo", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := rootsOwn(top+"/safe/fifo", top); err == nil {
		t.Error("a FIFO is a program")
	}
}
