package store

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// TestMain becomes the process that is killed below: it saves one generation
// after the other and prints each once it is on disk.
func TestMain(m *testing.M) {
	dir, child := os.LookupEnv("STORE_TEST_SAVES_INTO")
	if !child {
		os.Exit(m.Run())
	}
	w := NewWriter(dir, func(_ string, seq uint64, err error) { fmt.Println(seq, err) })
	for i := 1; ; i++ {
		w.Put(killed(i), uint64(i))
		if i%3 == 0 {
			w.Flush()
		}
	}
}

// killed is a project of many blocks whose every service tells its generation.
func killed(generation int) Project {
	p := Project{State: State{Version: 1, Project: "shop", Generation: generation}}
	p.State.Services = map[string]Service{}
	p.Processes = Processes{Version: 1, Services: map[string]Process{}}
	for i := range 200 {
		name := fmt.Sprintf("service-%d", i)
		p.State.Services[name] = Service{Want: Up, Phase: "ready", Restarts: generation}
		p.Processes.Services[name] = Process{PID: generation, Incarnation: "x"}
	}
	return p
}

func TestAKilledWriterLeavesWholeFiles(t *testing.T) {
	dir := t.TempDir()
	for round := range 15 {
		last := killAfter(t, dir, 1+round%5)
		p, err := Load(dir, "shop")
		if err != nil {
			t.Fatal(err)
		}
		if p.State.Generation < last {
			t.Errorf("generation %d was said to be on disk, %d is", last, p.State.Generation)
		}
		if want := killed(p.State.Generation); text(t, Project{State: p.State}) != text(t, Project{State: want.State}) {
			t.Errorf("state.json mixes generations")
		}
		pid := p.Processes.Services["service-0"].PID
		if want := killed(pid); text(t, Project{Processes: p.Processes}) != text(t, Project{Processes: want.Processes}) {
			t.Errorf("pid.json mixes generations")
		}
	}
	w := NewWriter(dir, func(string, uint64, error) {})
	w.Put(killed(1), 1)
	w.Close()
	if left := litter(t, dir); len(left) > 0 {
		t.Errorf("a new writer leaves %q", left)
	}
}

// killAfter kills a process that saves into dir once it has reported count
// saves, in the middle of the next ones, and returns the last reported.
func killAfter(t *testing.T, dir string, count int) (last int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_SAVES_INTO="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if n == count {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		var failure string
		if _, err := fmt.Sscan(lines.Text(), &last, &failure); err != nil || failure != "<nil>" {
			t.Fatalf("the writer prints %q", strconv.Quote(lines.Text()))
		}
	}
	if cmd.Wait() == nil {
		t.Error("the process ended by itself")
	}
	return last
}
