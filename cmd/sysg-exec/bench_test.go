package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"systemg.org/sysg/pkg/spec"
)

// The smallest program there is: it exits with 0.
const noop = `
.globl _start
_start: mov $60, %eax
        xor %edi, %edi
        syscall
`

func buildNoop(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	source, path := filepath.Join(dir, "noop.s"), filepath.Join(dir, "noop")
	if err := os.WriteFile(source, []byte(noop), 0o644); err != nil {
		b.Fatal(err)
	}
	if out, err := exec.Command("cc", "-nostdlib", "-static", "-o", path, source).CombinedOutput(); err != nil {
		b.Skipf("no compiler for the program to launch: %v: %s", err, out)
	}
	return path
}

func BenchmarkLaunch(b *testing.B) { benchmarkLaunch(b, 0o022) }

func BenchmarkStagedLaunch(b *testing.B) { benchmarkLaunch(b, 0o027) }

// benchmarkLaunch measures from the request to Launched, and to Exited with
// the cgroup gone.
func benchmarkLaunch(b *testing.B, umask uint32) {
	path := buildNoop(b)
	i := startHelper(b)
	// The program itself: a stage is it, and the tests link more.
	i.kill9()
	i.binary = filepath.Join(b.TempDir(), "sysg-exec")
	if out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", i.binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	i.start()
	c := i.dial()
	c.list()
	s := program("noop", path)
	s.Umask = umask
	in := c.install(s)
	var launched, over []time.Duration
	for b.Loop() {
		l := request(in, "noop")
		begin := time.Now()
		c.ask(spec.Request{Launch: &l})
		if p := c.answer(); p.Launched == nil {
			b.Fatalf("%+v", p.Reply)
		}
		launched = append(launched, time.Since(begin))
		c.over(l.Incarnation)
		over = append(over, time.Since(begin))
		c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{l.Incarnation}}})
	}
	b.ReportMetric(quantile(launched, 0.5), "µs/launched")
	b.ReportMetric(quantile(over, 0.5), "µs/over")
	b.ReportMetric(quantile(over, 0.99), "µs/over-p99")
}

func quantile(all []time.Duration, q float64) float64 {
	slices.Sort(all)
	return float64(all[int(float64(len(all))*q)].Nanoseconds()) / 1000
}
