package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sysg-exec is privileged and long-lived, so what it links is a list that
// somebody has agreed to. A new line in it is a decision: go test -update.
func TestDependenciesAreTheAgreedOnes(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range strings.Fields(string(out)) {
		// Which packages the runtime is made of is Go's affair.
		if !strings.Contains("/"+name, "/internal/") {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	golden := filepath.Join("testdata", "deps.txt")
	text := strings.Join(got, "\n") + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	agreed, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range got {
		if !slices.Contains(strings.Fields(string(agreed)), name) {
			t.Errorf("sysg-exec links %s, which is not in %s", name, golden)
		}
	}
	if text != string(agreed) && !t.Failed() {
		t.Errorf("%s lists packages that are not linked any more", golden)
	}
	for _, banned := range []string{"os/exec", "os/user", "net", "net/http", "log", "log/slog", "regexp", "github.com/spf13/pflag", "gopkg.in/yaml.v3"} {
		if slices.Contains(got, banned) {
			t.Errorf("sysg-exec must not link %s", banned)
		}
	}
}

// The size is printed for people; the bound is there to be noticed.
func TestBinarySize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sysg-exec")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	stat, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("sysg-exec has %d KiB", stat.Size()>>10)
	if stat.Size() > 4<<20 {
		t.Errorf("sysg-exec has %d KiB, more than 4 MiB", stat.Size()>>10)
	}
}
