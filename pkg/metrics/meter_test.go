package metrics

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
)

// busy is a process that does something.
func busy(t *testing.T, script string) int {
	t.Helper()
	command := exec.Command("sh", "-c", script)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	return command.Process.Pid
}

// until waits for what the kernel offers no event for.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come true", what)
		}
	}
}

func TestTheKernelTellsOfAProcess(t *testing.T) {
	pid := busy(t, "while :; do :; done")
	kernel := NewKernel()
	// The kernel counts pages for each processor and adds them up when there are
	// some, so that for a moment a process has none.
	until(t, "some memory", func() bool { return kernel.Look(Target{PID: pid}).Memory > 0 })
	before := kernel.Thoroughly(Target{PID: pid})
	if before.Condition != Running || before.Memory == 0 || before.UID != uint32(os.Getuid()) {
		t.Errorf("%+v", before)
	}
	until(t, "use of the processor", func() bool { return kernel.Look(Target{PID: pid}).CPU > before.CPU })
	if gone := kernel.Look(Target{PID: 1 << 22}); gone.Condition != Missing {
		t.Errorf("one that is not there: %+v", gone)
	}
}

func TestOneThatNobodyWaitedForIsAZombie(t *testing.T) {
	command := exec.Command("true")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	kernel := NewKernel()
	until(t, "a zombie", func() bool { return kernel.Look(Target{PID: command.Process.Pid}).Condition == Zombie })
	_ = command.Wait()
}

func TestTheProcessesOfASessionAreATree(t *testing.T) {
	pid := busy(t, "sh -c 'sleep 100 & wait' & wait")
	kernel := NewKernel()
	until(t, "three processes", func() bool { return len(kernel.Processes(Target{PID: pid})) == 3 })
	processes := kernel.Processes(Target{PID: pid})
	for depth, p := range processes {
		if p.Depth != depth || p.Resident == 0 || time.Since(p.Began) > time.Minute {
			t.Errorf("%+v", p)
		}
	}
	if processes[0].PID != pid || processes[2].Command != "sleep 100" || processes[2].Parent != processes[1].PID {
		t.Errorf("%+v", processes)
	}
	// The shells end with their child.
	if child, err := os.FindProcess(processes[2].PID); err == nil {
		_ = child.Kill()
	}
}

func TestWhatIsWrittenIsCounted(t *testing.T) {
	// A pipe and a memory file system are no storage: a file on this disk is.
	file := filepath.Join(t.TempDir(), "file")
	pid := busy(t, "dd if=/dev/zero of="+file+" bs=1M count=3 conv=fsync 2>/dev/null; sleep 100")
	kernel := NewKernel()
	until(t, "3 MiB written by a child that was waited for", func() bool {
		return kernel.Thoroughly(Target{PID: pid}).Written >= 3<<20
	})
}

func TestAMeterKeepsAndForgets(t *testing.T) {
	meter := NewMeter(NewKernel(), func(err error) { t.Error(err) })
	job := Job{Project: "p", Service: "api", Incarnation: "one", Began: time.Now().Add(-time.Second), Target: Target{PID: os.Getpid()}}
	gone := Job{Project: "p", Service: "db", Incarnation: "two", Target: Target{PID: 1 << 22}}
	for range 3 {
		meter.Take([]Job{job, gone})
		meter.reading.Wait()
	}
	if n := len(meter.Samples("p", "api", 0)); n != 3 {
		t.Errorf("%d samples", n)
	}
	if n := len(meter.Samples("p", "api", 2)); n != 2 {
		t.Errorf("%d of at most 2 samples", n)
	}
	if n := len(meter.Samples("p", "db", 0)); n != 0 {
		t.Errorf("%d samples of a process that is not there", n)
	}
	if summary, known := meter.Summary("p", "api", "one"); !known || summary.Samples != 3 || summary.LatestRSS == 0 {
		t.Errorf("%+v", summary)
	}
	if _, known := meter.Summary("p", "api", "two"); known {
		t.Error("samples of one incarnation are another's")
	}
	meter.Forget("p", "api")
	if meter.Samples("p", "api", 0) != nil {
		t.Error("not forgotten")
	}
	meter.Close()
}

func TestSamplesSpillInSegmentsOfWhichTheOldestGo(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "[spill]")
	policy := &generation.Metrics{
		Interval: time.Second, Retention: time.Hour, MaxMemory: 1 << 20,
		SpilloverDir: folder, SpilloverMax: 4000, SpilloverSegment: 1000,
	}
	meter := NewMeter(NewKernel(), func(err error) { t.Error(err) })
	job := Job{Project: "p", Service: "api", Incarnation: "one", Began: time.Now(), Target: Target{PID: os.Getpid()}, Policy: policy}
	for range 60 {
		meter.Take([]Job{job})
		meter.reading.Wait()
	}
	meter.Close()
	segments, _ := filepath.Glob(filepath.Join(escaped(folder), "*"))
	total, lines := 0, 0
	for _, path := range segments {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if total += len(text); len(text) > 1000 {
			t.Errorf("%s has %d bytes", path, len(text))
		}
		for line := range strings.Lines(string(text)) {
			var read spilled
			if err := json.Unmarshal([]byte(line), &read); err != nil || read.Service != "api" || read.RSS == 0 {
				t.Errorf("%v: %s", err, line)
			}
			lines++
		}
	}
	if total > 4000 || len(segments) < 3 || lines < 10 || strings.HasSuffix(segments[0], "000001.jsonl") {
		t.Errorf("%d bytes, %d lines in %q", total, lines, segments)
	}
	// Another meter goes on behind them.
	again := NewMeter(NewKernel(), func(err error) { t.Error(err) })
	again.Take([]Job{job})
	again.Close()
	if more, _ := filepath.Glob(filepath.Join(escaped(folder), "*")); more[len(more)-1] <= segments[len(segments)-1] {
		t.Errorf("%q after %q", more, segments)
	}
}

func TestAFolderThatCannotBeWrittenIsToldOfOnce(t *testing.T) {
	policy := &generation.Metrics{Retention: time.Hour, MaxMemory: 1 << 20, SpilloverDir: "/proc/none", SpilloverMax: 1, SpilloverSegment: 1}
	failures := 0
	meter := NewMeter(NewKernel(), func(error) { failures++ })
	job := Job{Project: "p", Service: "api", Target: Target{PID: os.Getpid()}, Policy: policy}
	for range 3 {
		meter.Take([]Job{job})
		meter.reading.Wait()
	}
	if failures != 1 || len(meter.Samples("p", "api", 0)) != 3 {
		t.Errorf("%d failures", failures)
	}
}

func TestStatOfAStrangeName(t *testing.T) {
	text := "42 (a) b) (c) S 1 2 3 0 -1 4194304 1 2 3 4 150 50 7 8 20 -5 3 0 999 4096 17 18446744073709551615"
	stat, ok := parseStat(text)
	want := Stat{
		PID: 42, Name: "a) b) (c", State: 'S', Parent: 1, Session: 3, CPU: 2_000_000, Waited: 150_000,
		Priority: 20, Nice: -5, Threads: 3, Started: 999, Virtual: 4096, Resident: 17,
	}
	if !ok || stat != want {
		t.Errorf("%+v", stat)
	}
	for _, bad := range []string{"", "42", "42 (a) S 1", "42 a S"} {
		if _, ok := parseStat(bad); ok {
			t.Errorf("took %q", bad)
		}
	}
}
