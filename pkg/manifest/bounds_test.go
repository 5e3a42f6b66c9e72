package manifest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bomb is an alias bomb: each list holds the one before it ten times.
func bomb(levels int) string {
	text := "a0: &a0 x\n"
	for i := 1; i < levels; i++ {
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	return text
}

func fill(unit string) string { return strings.Repeat(unit, (MaxDocument-100)/len(unit)) }

func TestHostileDocumentsAreRefusedInBoundedTimeAndMemory(t *testing.T) {
	variables := func() string {
		text := "env:\n  V0: " + strings.Repeat("x", 1000) + "\n"
		for i := 1; i < 60; i++ {
			text += fmt.Sprintf("  V%d: $V%d$V%d\n", i, i-1, i-1)
		}
		return text
	}
	chain := func() string {
		var text strings.Builder
		text.WriteString("env:\n")
		for i := range 100_000 {
			fmt.Fprintf(&text, "  V%d: $V%d\n", i, i+1)
		}
		return text.String()
	}
	for _, test := range []struct{ name, text, want string }{
		{"alias bomb", bomb(30), "aliases stand for"},
		{"alias bomb of text", "a: &a \"" + strings.Repeat("x", 1<<20) + "\"\nb: [" + strings.Repeat("*a, ", 100) + "]\n", "aliases stand for"},
		{"an anchor in itself", "a: &a [*a]\n", "contains itself"},
		{"over 8 MiB", strings.Repeat("#", MaxDocument+1), "larger than 8 MiB"},
		{"8 MiB of numbers", "a: [" + fill("1,") + "]", "more than"},
		{"8 MiB of list items", fill("- a\n"), "more than"},
		{"8 MiB of empty keys", fill("?\n"), "more than"},
		{"8 MiB of brackets", fill("["), "more than"},
		{"8 MiB of one shell string", "services: {a: {command: \"" + fill("x") + "\", colour: x}}", "colour"},
		{"8 MiB of services", fmt.Sprintf("version: 3\nservices:\n%s", manyServices(MaxDocument-100)), "more than"},
		{"as many services as can be, all wrong", "version: 3\nservices:\n" + manyServices(maxServices*26), "comand"},
		{"as many services as can be, and no good", "version: 3\nlast: x\nservices:\n" + strings.ReplaceAll(manyServices(maxServices*26), "comand", "command"), "last"},
		{"services that are aliases", "version: 3\nservices:\n  a: &a {command: x}\n" + strings.ReplaceAll(manyServices(3_000_000), "{comand: x}", "*a"), "more than 40000 services"},
		{"arguments that are aliases", "version: 3\nlast: x\nservices:\n  a: &a {exec: [" + strings.Repeat("1,", 300) + "1]}\n" + strings.ReplaceAll(manyServices(1400*26), "{comand: x}", "*a"), "last"},
		{"variables that are aliases", "version: 3\nlast: x\nservices:\n  a: &a {command: x, env: {" + manyVars(100) + "}}\n" + strings.ReplaceAll(manyServices(2300*26), "{comand: x}", "*a"), "last"},
		{"values that are all different", "version: 3\nlast: x\nservices: {a: {command: x, env: {" + manyVars(maxMarks/2-20) + "}}}", "last"},
		{"8 MiB of comments", fill("# x\n"), "no services"},
		{"8 MiB of one unknown key", "? " + fill("x") + "\n: 1\n", "no services"},
		{"nested 65 deep", "version: 3\na: " + strings.Repeat("[", 64) + strings.Repeat("]", 64), "nested more than 64"},
		{"nested by aliases", "a: &a " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "\nb: " + strings.Repeat("[", 30) + "*a" + strings.Repeat("]", 30), "nested more than 64"},
		{"doubling variables", variables() + "services: {a: {command: x}}\n", "128 KiB"},
		{"a long chain of variables", chain() + "services: {a: {command: x}}\n", "64 deep"},
		{"a large variable many times", "env: {V: \"" + strings.Repeat("x", 100_000) + "\"}\nservices: {a: {exec: [" + strings.Repeat("$V, ", 100_000) + "x]}}", "expand to more than 8 MiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			start := processorTime(t)
			_, err := Parse("/srv/x.yaml", []byte(test.text), options())
			took := processorTime(t) - start
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %.300v, want %q", err, test.want)
			}
			if took > slow*time.Second {
				t.Errorf("took %v", took)
			}
			live := mostLive(t, func() { _, _ = Parse("/srv/x.yaml", []byte(test.text), options()) })
			if t.Logf("%v, %d MiB", took, live>>20); live > 100<<20 {
				t.Errorf("%d MiB were live at once", live>>20)
			}
		})
	}
}

// manyServices is a text of about so many bytes, 26 for each service.
func manyServices(bytes int) string {
	var text strings.Builder
	for i := 0; text.Len() < bytes; i++ {
		fmt.Fprintf(&text, "  s%d: {comand: x}\n", 1_000_000+i)
	}
	return text.String()
}

func manyVars(count int) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, "V%d: x, ", i)
	}
	return text.String()
}

// mostLive is the most memory in use at once while do runs, beyond what was in
// use before. The collector runs often for it, since live is what it finds.
func mostLive(t *testing.T, do func()) uint64 {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	live := func() uint64 {
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	runtime.GC()
	before := live()
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		var highest uint64
		for {
			select {
			case <-done:
				most <- highest
				return
			case <-time.After(time.Millisecond):
				highest = max(highest, live())
			}
		}
	}()
	do()
	close(done)
	if highest := <-most; highest > before {
		return highest - before
	}
	return 0
}

// processorTime is what this process has used so far. Unlike a clock it does
// not count the time in which others had the processor.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func TestNesting64DeepIsAccepted(t *testing.T) {
	text := "services: {a: {command: x}}\na: " + strings.Repeat("[", 62) + "x" + strings.Repeat("]", 62)
	if _, err := Parse("/srv/x.yaml", []byte(text), options()); err != nil {
		t.Error(err)
	}
}

func TestManyServicesAreRead(t *testing.T) {
	var text strings.Builder
	text.WriteString("services:\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "  s%d:\n    command: ./serve --port %d\n    restart_policy: always\n", i, i)
	}
	start := processorTime(t)
	m, err := Parse("/srv/x.yaml", []byte(text.String()), options())
	if err != nil || len(m.Projects[0].Services) != 10_000 {
		t.Fatalf("got %v", err)
	}
	if took := processorTime(t) - start; took > slow*time.Second {
		t.Errorf("took %v", took)
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/bad/*.yaml", "testdata/system/*.yaml"} {
		seeds, err := filepath.Glob(pattern)
		if err != nil || len(seeds) == 0 {
			f.Fatalf("no seeds at %s: %v", pattern, err)
		}
		for _, seed := range seeds {
			text, err := os.ReadFile(seed)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Add([]byte(bomb(12)))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse("/srv/app/systemg.yaml", text, options())
		if err != nil {
			var problems Problems
			if !errors.As(err, &problems) || !problems.fatal() {
				t.Fatalf("an error that is not Problems with an error: %v", err)
			}
			var sources Sources
			sources.Add("/srv/app/systemg.yaml", text)
			for _, p := range problems {
				p.Render(&sources)
			}
			return
		}
		generations, err := m.Compile(CompileOptions{Environ: environ})
		if err != nil || len(generations) == 0 {
			t.Fatalf("a manifest that is accepted does not compile: %v", err)
		}
		for _, g := range generations {
			if err := g.Validate(); err != nil {
				t.Fatalf("a manifest that is accepted cannot be installed: %v", err)
			}
			for _, s := range g.Launch.Services {
				for _, role := range s.Roles {
					if len(role.Argv) == 0 || role.Argv[len(role.Argv)-1] == "" && role.Argv[0] == "/bin/sh" {
						t.Fatalf("service %q runs nothing as %s", s.Name, role.Role)
					}
				}
			}
		}
	})
}
