package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"systemg.org/sysg/pkg/manifest"
)

// cost is what a run of sysg took.
type cost struct {
	code      int
	stdout    string
	stderr    string
	processor time.Duration
	memory    int64 // bytes, at most at a time
}

// runSysg runs sysg as a process of its own, with a home of its own.
func runSysg(t *testing.T, args ...string) cost {
	t.Helper()
	home := t.TempDir()
	var stdout, stderr bytes.Buffer
	command := exec.Command("/proc/self/exe", args...)
	command.Args[0] = "sysg"
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CONFIG_HOME=" + home, "GOCOVERDIR=" + home}
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if command.ProcessState == nil {
		t.Fatal(err)
	}
	usage := command.ProcessState.SysUsage().(*syscall.Rusage)
	return cost{
		command.ProcessState.ExitCode(), stdout.String(), stderr.String(),
		command.ProcessState.UserTime() + command.ProcessState.SystemTime(), usage.Maxrss << 10,
	}
}

func writeManifest(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "systemg.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTenThousandServicesAreValidatedInASecond(t *testing.T) {
	var text strings.Builder
	text.WriteString("version: \"3\"\nproject: big\nservices:\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "  s%d:\n    command: ./serve --port %d\n    restart_policy: always\n    env: {vars: {PORT: %d}}\n", i, i, i)
		if i%10 > 0 {
			fmt.Fprintf(&text, "    depends_on: [s%d]\n", i-1)
		}
	}
	got := runSysg(t, "validate", "-c", writeManifest(t, text.String()))
	if got.code != 0 || got.processor > slow*time.Second {
		t.Errorf("code %d, %v: %.500s%.500s", got.code, got.processor, got.stdout, got.stderr)
	}
	t.Logf("%v, %d MiB", got.processor, got.memory>>20)
}

func TestHostileManifestsAreRefusedInASecondAnd100MiB(t *testing.T) {
	const bound = manifest.MaxDocument
	bomb := "a0: &a0 x\n"
	for i := 1; i < 30; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	for name, text := range map[string]func() string{
		"more than 8 MiB":   func() string { return strings.Repeat("#", bound+1) },
		"8 MiB of numbers":  func() string { return "a: [" + strings.Repeat("1,", bound/2-10) + "]" },
		"8 MiB of comments": func() string { return strings.Repeat("# x\n", bound/4) },
		"8 MiB of text":     func() string { return "services: {a: {command: \"" + strings.Repeat("x", bound-100) + "\"}}" },
		"an alias bomb":     func() string { return bomb },
		"an alias bomb of text": func() string {
			return "a: &a \"" + strings.Repeat("x", 1<<20) + "\"\nb: [" + strings.Repeat("*a, ", 100) + "]\n"
		},
		"brackets":               func() string { return strings.Repeat("[", bound) },
		"aliases of one service": func() string { return "services:\n  a: &a {command: x}\n" + numbered("  s%d: *a\n", 100_000) },
	} {
		t.Run(name, func(t *testing.T) {
			file := writeManifest(t, text())
			// A process begins with the mark that its parent's memory has made.
			debug.FreeOSMemory()
			got := runSysg(t, "validate", "-c", file)
			if got.code != 1 || got.processor > slow*time.Second || got.memory > slow*100<<20 {
				t.Errorf("code %d, %v, %d MiB: %.300s%.300s", got.code, got.processor, got.memory>>20, got.stdout, got.stderr)
			}
			t.Logf("%v, %d MiB", got.processor, got.memory>>20)
		})
	}
}

func numbered(format string, count int) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, format, i)
	}
	return text.String()
}

func TestTheReportHasTheFieldsOfTheOlderProgram(t *testing.T) {
	for name, test := range map[string]struct {
		text             string
		valid, startable bool
		severity, kind   string
	}{
		"good":    {"services: {a: {command: x}}", true, true, "", ""},
		"bad":     {"services: {a: {comand: x}}", false, false, "error", "unknown-field"},
		"ignored": {"version: \"2\"\ncolour: red\nservices: {a: {command: x}}", true, true, "warning", "unknown-field"},
		"differs": {"version: \"2\"\nservices: {a: {command: x, restart_policy: always}}", true, true, "warning", "differs-from-0.66"},
		"system":  {"services: {a: {command: x, user: nosuchuser}}", true, false, "warning", "unknown-user"},
	} {
		t.Run(name, func(t *testing.T) {
			file := writeManifest(t, test.text)
			got := runSysg(t, "validate", "-c", file, "--format", "json")
			var report map[string]any
			if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
				t.Fatalf("%v: %s%s", err, got.stdout, got.stderr)
			}
			if report["config"] != file || report["valid"] != test.valid || report["startable"] != test.startable || (got.code == 0) != test.startable {
				t.Errorf("got code %d and %s", got.code, got.stdout)
			}
			diagnostics := report["diagnostics"].([]any)
			if (len(diagnostics) > 0) != (test.kind != "") {
				t.Fatalf("got %s", got.stdout)
			}
			if len(diagnostics) == 0 {
				return
			}
			first := diagnostics[0].(map[string]any)
			for _, field := range []string{"severity", "line", "column", "kind", "message", "why", "suggestion", "doc"} {
				if _, found := first[field]; !found {
					t.Errorf("a diagnostic has no %s", field)
				}
			}
			if first["severity"] != test.severity || first["kind"] != test.kind {
				t.Errorf("got %v", first)
			}
		})
	}
}
