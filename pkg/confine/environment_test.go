package confine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

func TestEnvironmentInOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("FROM_FILE=\"${LANG}\"\nBOTH=file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inherited := []string{"LANG=C", "DISPLAY=:0", "BOTH=inherited", "EMPTY="}
	launch := spec.Launch{Project: "shop", Service: "api", Incarnation: "0123"}
	own := []string{"SYSG_PROJECT=shop", "SYSG_SERVICE=api", "SYSG_INVOCATION_ID=0123"}
	for _, test := range []struct {
		name    string
		service generation.LaunchService
		want    []string
	}{
		{"inherited", generation.LaunchService{}, slices.Concat(inherited, own)},
		{"nothing inherited", generation.LaunchService{NoInherit: true}, own},
		{"stripped", generation.LaunchService{Strip: []string{"DISPLAY", "NONE"}}, slices.Concat([]string{"LANG=C", "BOTH=inherited", "EMPTY="}, own)},
		{
			"strip is for what is inherited",
			generation.LaunchService{NoInherit: true, Strip: []string{"A"}, Layers: []generation.Layer{{Vars: []string{"A=1"}}}},
			slices.Concat([]string{"A=1"}, own),
		},
		{
			"layers win in turn",
			generation.LaunchService{Layers: []generation.Layer{{Vars: []string{"BOTH=vars", "X=1"}}, {File: file}, {Vars: []string{"X=2"}}}},
			slices.Concat([]string{"LANG=C", "DISPLAY=:0", "BOTH=file", "EMPTY=", "X=2", "FROM_FILE=C"}, own),
		},
		{
			"ours cannot be forged",
			generation.LaunchService{NoInherit: true, Layers: []generation.Layer{{Vars: []string{"SYSG_INVOCATION_ID=forged"}}}},
			[]string{"SYSG_INVOCATION_ID=0123", "SYSG_PROJECT=shop", "SYSG_SERVICE=api"},
		},
		{"a missing file that may be", generation.LaunchService{NoInherit: true, Layers: []generation.Layer{{File: file + ".none", Optional: true}}}, own},
	} {
		got, err := environment(test.service, inherited, launch)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, %v, want %q", test.name, got, err, test.want)
		}
	}
}

func TestAnOptionalFileMayBeMissingButNotWrong(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret.env")
	if err := os.WriteFile(secret, []byte("not an assignment hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{secret, fifo, dir, "/dev/zero"} {
		_, err := environment(generation.LaunchService{Layers: []generation.Layer{{File: path, Optional: true}}}, nil, spec.Launch{})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestFindSearchesLikeExecvp(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "work/bin"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"a/plain": 0o644, "b/plain": 0o755, "a/only": 0o644, "b/prog": 0o755, "work/bin/rel": 0o755, "work/here": 0o755} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "a/prog"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := "PATH=" + dir + "/none:" + dir + "/a:" + dir + "/b:bin:"
	work := filepath.Join(dir, "work")
	for _, test := range []struct{ argv0, want, fails string }{
		{"/bin/sh", "/bin/sh", ""},
		{"./here", "./here", ""},
		{"prog", dir + "/b/prog", ""},   // Not the directory of that name.
		{"plain", dir + "/b/plain", ""}, // Not the file without x.
		{"rel", work + "/bin/rel", ""},  // A relative entry.
		{"here", work + "/here", ""},    // The empty entry.
		{"only", "", "it is not executable"},
		{"nowhere", "", "cannot find"},
	} {
		got, err := find(test.argv0, []string{"X=1", path}, work)
		if got != test.want || (err == nil) != (test.fails == "") || err != nil && !strings.Contains(err.Error(), test.fails) {
			t.Errorf("%s: got %q, %v", test.argv0, got, err)
		}
		if err != nil && strings.Contains(err.Error(), dir+"/none") {
			t.Errorf("%s: the error quotes PATH: %v", test.argv0, err)
		}
	}
	if got, err := find("sh", nil, "/"); err != nil || !strings.HasSuffix(got, "/bin/sh") {
		t.Errorf("without PATH: %q, %v", got, err)
	}
}
