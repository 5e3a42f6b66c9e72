package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/seccomp"
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
	for _, path := range []string{dir, filepath.Dir(dir)} { // It is not for root alone.
		if err := os.Chmod(path, 0o755); err != nil {
			b.Fatal(err)
		}
	}
	source, path := filepath.Join(dir, "noop.s"), filepath.Join(dir, "noop")
	if err := os.WriteFile(source, []byte(noop), 0o644); err != nil {
		b.Fatal(err)
	}
	if out, err := exec.Command("cc", "-nostdlib", "-static", "-o", path, source).CombinedOutput(); err != nil {
		b.Skipf("no compiler for the program to launch: %v: %s", err, out)
	}
	return path
}

func BenchmarkLaunch(b *testing.B) { benchmarkLaunch(b, func(*generation.LaunchService) {}) }

func BenchmarkStagedLaunch(b *testing.B) {
	benchmarkLaunch(b, func(s *generation.LaunchService) { s.Umask = 0o027 })
}

// BenchmarkSystemLaunch has a user, groups and a cgroup, as most services of
// the system's instance.
func BenchmarkSystemLaunch(b *testing.B) {
	benchmarkLaunch(b, func(s *generation.LaunchService) {
		s.NoNewPrivs, s.Confinement = true, &generation.Confinement{Identity: someone()}
	})
}

// BenchmarkConfinedLaunch has every stage there is.
func BenchmarkConfinedLaunch(b *testing.B) {
	filter, err := seccomp.Compile(runtime.GOARCH, seccomp.Profile{Name: "service"})
	if err != nil {
		b.Fatal(err)
	}
	nice := 5
	benchmarkLaunch(b, func(s *generation.LaunchService) {
		s.NoNewPrivs, s.Nice, s.Umask = true, &nice, 0o027
		s.Affinity, s.IOPriority = []uint64{1}, 2<<13|7
		s.Rlimits = []generation.Rlimit{{Name: "nofile", Soft: 1000, Hard: 1000}, {Name: "core"}}
		s.Confinement = &generation.Confinement{
			Identity: someone(), Capabilities: 1 << unix.CAP_NET_BIND_SERVICE,
			Network: true, Mount: true, PID: true, Init: true, User: true, IPC: true, UTS: true, Cgroup: true,
			PrivateDevices: true, ProtectSystem: generation.ProtectStrict,
			ReadOnly: []string{"/srv"}, Inaccessible: []string{"/root"},
			Seccomp:  filter,
			Landlock: &generation.Landlock{ReadOnly: []string{"/"}},
		}
	})
}

// benchmarkLaunch measures from the request to Launched, and to Exited with
// the cgroup gone; and, for comparison, a vfork and an execve of the same
// program in this process.
func benchmarkLaunch(b *testing.B, edit func(*generation.LaunchService)) {
	path := buildNoop(b)
	s := program("noop", path)
	edit(&s)
	var i *instance
	if s.Confinement != nil {
		i = startSystem(b)
	} else {
		i = startHelper(b)
	}
	// The program itself: a stage is it, and the tests link more.
	i.kill9()
	binary, err := built()
	if err != nil {
		b.Fatal(err)
	}
	i.binary = binary
	i.start()
	c := i.dial()
	c.list()
	in := c.install(s)
	var floor, launched, over []time.Duration
	for b.Loop() {
		floor = append(floor, forkExec(b, path))
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
	b.ReportMetric(quantile(floor, 0.5), "µs/vfork+exec")
	b.ReportMetric(quantile(launched, 0.5), "µs/launched")
	b.ReportMetric(quantile(over, 0.5), "µs/over")
	b.ReportMetric(quantile(over, 0.99), "µs/over-p99")
}

// forkExec takes the time of the two calls that any launch consists of.
func forkExec(b *testing.B, path string) time.Duration {
	b.Helper()
	begin := time.Now()
	pid, err := syscall.ForkExec(path, []string{path}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
	taken := time.Since(begin)
	if err != nil {
		b.Fatal(err)
	}
	_, _ = syscall.Wait4(pid, nil, 0, nil)
	return taken
}

func quantile(all []time.Duration, q float64) float64 {
	slices.Sort(all)
	return float64(all[int(float64(len(all))*q)].Nanoseconds()) / 1000
}
