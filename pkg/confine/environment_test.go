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
		name        string
		service     generation.LaunchService
		want        []string
		asked, vars []string
	}{
		{name: "inherited", want: slices.Concat(inherited, own)},
		{name: "nothing inherited", service: generation.LaunchService{NoInherit: true}, want: own},
		{
			name: "stripped", service: generation.LaunchService{Strip: []string{"DISPLAY", "NONE"}},
			want: slices.Concat([]string{"LANG=C", "BOTH=inherited", "EMPTY="}, own),
		},
		{
			name:    "strip is for what is inherited",
			service: generation.LaunchService{NoInherit: true, Strip: []string{"A"}, Layers: []generation.Layer{{Vars: []string{"A=1"}}}},
			want:    slices.Concat([]string{"A=1"}, own),
		},
		{
			name:    "layers win in turn",
			service: generation.LaunchService{Layers: []generation.Layer{{Vars: []string{"BOTH=vars", "X=1"}}, {File: file}, {Vars: []string{"X=2"}}}},
			want:    slices.Concat([]string{"LANG=C", "DISPLAY=:0", "BOTH=file", "EMPTY=", "X=2", "FROM_FILE=C"}, own),
		},
		{
			name:    "ours cannot be forged",
			service: generation.LaunchService{NoInherit: true, Layers: []generation.Layer{{Vars: []string{"SYSG_INVOCATION_ID=forged", "LISTEN_FDS=9"}}}},
			asked:   []string{"SPAWN_DEPTH=0", "SYSG_PROJECT=other"},
			want:    own,
		},
		{
			name:    "what a child is asked for with wins over the manifest, what we tell it over all",
			service: generation.LaunchService{NoInherit: true, Layers: []generation.Layer{{Vars: []string{"A=manifest", "PORT=1"}}}},
			asked:   []string{"A=asked"}, vars: []string{"PORT=7001", "SPAWN_DEPTH=1"},
			want: slices.Concat([]string{"A=asked", "PORT=7001"}, own, []string{"SPAWN_DEPTH=1"}),
		},
		{
			name:    "a missing file that may be",
			service: generation.LaunchService{NoInherit: true, Layers: []generation.Layer{{File: file + ".none", Optional: true}}}, want: own,
		},
	} {
		got, err := environment(Request{Service: test.service, Inherited: inherited, Launch: launch, Asked: test.asked, Vars: test.vars})
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, %v, want %q", test.name, got, err, test.want)
		}
	}
}

// What a supervisor's own environment, a manifest or an env file says of our
// variables reaches nobody: there is one meaning of each.
func TestNothingButALaunchSetsWhatIsOurs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	names := []string{
		"SYSG_EVENT", "SYSG_PID", "SYSG_EXIT_CODE", "SYSG_SIGNAL", "SYSG_ATTEMPT", "SYSG_ACTIVE_SLOT", "SYSG_CANDIDATE_SLOT",
		"SYSG_SERVICE_NAME", "SYSG_SPAWN_SOCKET", "SPAWN_DEPTH", "SPAWN_PARENT_PID", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
		"LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID",
	}
	for _, name := range names {
		if err := os.WriteFile(file, []byte(name+"=forged\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		forged := []string{name + "=forged"}
		got, err := environment(Request{
			Service:   generation.LaunchService{Layers: []generation.Layer{{Vars: forged}, {File: file}}},
			Inherited: forged, Asked: forged,
		})
		if err != nil || strings.Contains(strings.Join(got, " "), "forged") {
			t.Errorf("%s got through: %q, %v", name, got, err)
		}
		got, _ = environment(Request{Inherited: forged, Vars: []string{name + "=true"}})
		if !slices.Contains(got, name+"=true") {
			t.Errorf("%s is not set where it is meant: %q", name, got)
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
		_, err := environment(Request{Service: generation.LaunchService{Layers: []generation.Layer{{File: path, Optional: true}}}})
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
