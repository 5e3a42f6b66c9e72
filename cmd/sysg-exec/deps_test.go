package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// The design has a table of what nobody gets, and of the tests that try to.
func TestTheAttacksOfTheDesignAreThere(t *testing.T) {
	design, err := os.ReadFile("../../docs/DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, pattern := range []string{"*_test.go", "../../pkg/*/*_test.go"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(text)
		}
	}
	_, section, _ := strings.Cut(string(design), "## The boundary of the system's instance")
	section, _, _ = strings.Cut(section, "\n## ")
	named := regexp.MustCompile("`((Test|Fuzz)[A-Za-z]+)`").FindAllStringSubmatch(section, -1)
	if len(named) < 40 {
		t.Errorf("the table names %d tests", len(named))
	}
	for _, name := range named {
		if !strings.Contains(tests.String(), "\nfunc "+name[1]+"(") {
			t.Errorf("there is no %s", name[1])
		}
	}
}
