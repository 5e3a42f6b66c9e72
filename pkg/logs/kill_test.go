package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/sys"
)

// victimEnv tells the test binary to be a Capture that is killed.
const victimEnv = "SYSG_TEST_CAPTURE"

type victim struct {
	Dir, Spool string
	Sources    []Source // their pipes are descriptors 3, 4 …
}

func TestMain(m *testing.M) {
	if text := os.Getenv(victimEnv); text != "" {
		var v victim
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			panic(err)
		}
		v.run()
	}
	os.Exit(m.Run())
}

// run captures until it is killed. It says on stdout when it has begun, and
// what is wrong on stderr.
func (v *victim) run() {
	c, err := New(Options{Dir: v.Dir, Spool: v.Spool, Drained: func(d Drained) { panic(fmt.Sprintf("drained %+v", d)) }})
	if err != nil {
		panic(err)
	}
	for i, s := range v.Sources {
		s.Pipe = os.NewFile(uintptr(3+i), "pipe")
		c.Attach(s)
	}
	fmt.Println("begun")
	select {}
}

// pipes are kept over the lives of several Captures, as sysg-exec does it.
type pipes struct {
	t       *testing.T
	victim  victim
	readers []*os.File
	writers []*os.File
}

func newPipes(t *testing.T, sources ...Source) *pipes {
	t.Helper()
	root := t.TempDir()
	p := &pipes{t: t, victim: victim{filepath.Join(root, "logs"), filepath.Join(root, "spool"), sources}}
	for range sources {
		readFD, writeFD, err := sys.LogPipe()
		if err != nil {
			t.Fatal(err)
		}
		p.readers = append(p.readers, os.NewFile(uintptr(readFD), "read end"))
		p.writers = append(p.writers, os.NewFile(uintptr(writeFD), "write end"))
	}
	t.Cleanup(func() {
		for _, file := range append(p.readers, p.writers...) {
			_ = file.Close()
		}
	})
	return p
}

// live starts a Capture of its own process and kills it when until returns.
func (p *pipes) live(until func()) {
	p.t.Helper()
	text, err := json.Marshal(p.victim)
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), victimEnv+"="+string(text))
	cmd.ExtraFiles = p.readers
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, len("begun"))); err == nil {
		until()
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if stderr.Len() > 0 {
		p.t.Fatalf("the Capture said: %s", &stderr)
	}
}

// finish lets a last Capture, in this process, take everything.
func (p *pipes) finish() {
	p.t.Helper()
	drained := make(chan Drained, len(p.readers))
	c, err := New(Options{Dir: p.victim.Dir, Spool: p.victim.Spool, Drained: func(d Drained) { drained <- d }})
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	for i, s := range p.victim.Sources {
		s.Pipe = p.readers[i]
		c.Attach(s)
		if err := p.writers[i].Close(); err != nil {
			p.t.Fatal(err)
		}
	}
	for range p.readers {
		if d := <-drained; d.Err != nil {
			p.t.Error(d.Err)
		}
	}
}

// content is all of a service's log, over rotations.
func (p *pipes) content(service string) string {
	p.t.Helper()
	var all strings.Builder
	for i := len(files(p.t, p.victim.Dir, service)) - 1; i >= 0; i-- {
		content, err := os.ReadFile(rotatedPath(filepath.Join(p.victim.Dir, "shop", service+".log"), i))
		if err != nil {
			p.t.Fatal(err)
		}
		all.Write(content)
	}
	return all.String()
}

func files(t *testing.T, dir, service string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "shop", service+".log*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// byLabel sorts lines by who wrote them, and puts long ones together again.
func byLabel(t *testing.T, content string) map[string][]string {
	t.Helper()
	text, whole := strings.CutSuffix(content, "\n")
	if !whole {
		t.Fatal("the log does not end with a newline")
	}
	begun := map[string]string{}
	lines := map[string][]string{}
	for _, one := range strings.Split(text, "\n") {
		line := Parse(one)
		if line.Time.IsZero() {
			t.Fatalf("%s is not in our form", brief(one))
		}
		who := line.Stream
		if text, labelled := strings.CutPrefix(line.Text, "[health] "); labelled {
			who, line.Text = who+" health", text
		}
		line.Text = begun[who] + line.Text
		begun[who] = ""
		if text, goesOn := strings.CutSuffix(line.Text, SplitMark); goesOn {
			begun[who] = text
			continue
		}
		lines[who] = append(lines[who], line.Text)
	}
	return lines
}

// lineOf is the n-th line of a writer: mostly short, sometimes split, and
// different from the one before it in length and content.
func lineOf(n int) string {
	size := n * 7919 % 150
	if n%211 == 0 {
		size = n * 31 % (3 * MaxLine)
	}
	return fmt.Sprintf("%d %s", n, strings.Repeat(string(rune('a'+n%26)), size))
}

// letters is the n-th word of a writer of raw bytes.
func letters(n int) string {
	return string(rune('a'+n%25)) + strings.Repeat("z", n*7919%150)
}

// writeCut writes what next returns, cut at random places, until stop is closed
// and the last of it is whole. It returns how often next was called.
func writeCut(writer *os.File, stop <-chan struct{}, next func(n int) string) (count int) {
	var rest []byte
	for {
		for size := 1 + rand.IntN(300); len(rest) < size || rand.IntN(100) == 0; count++ {
			select {
			case <-stop:
				_, _ = writer.Write(rest)
				return count
			default:
			}
			rest = append(rest, next(count)...)
		}
		n := 1 + rand.IntN(len(rest))
		if _, err := writer.Write(rest[:n]); err != nil {
			return -1
		}
		rest = append(rest[:0], rest[n:]...)
	}
}

func TestALineThatIsUnfinishedAtTheKillGoesOnAfterIt(t *testing.T) {
	policy := policy()
	p := newPipes(t,
		Source{Project: "shop", Service: "web", Incarnation: "1", Stream: Stdout, Policy: policy},
		Source{Project: "shop", Service: "web", Incarnation: "1", Stream: Stderr, Policy: policy},
	)
	// taken returns when what was written has left the pipe.
	taken := func(text string) func() {
		write(t, p.writers[0], text)
		return func() {
			for held := 1; held > 0; {
				var err error
				if held, err = sys.Buffered(int(p.readers[0].Fd())); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, piece := range []string{"whole\nbe", "gin", "n", "ing", "\nen", "d"} {
		p.live(taken(piece))
	}
	write(t, p.writers[1], "other\n")
	p.finish()
	lines := byLabel(t, p.content("web"))
	wantLines(t, lines["stdout"], []string{"whole", "beginning", "end"})
	wantLines(t, lines["stderr"], []string{"other"})
	if left, _ := filepath.Glob(filepath.Join(p.victim.Spool, "*,*")); len(left) > 0 {
		t.Errorf("spools are left: %q", left)
	}
}

// TORTURE=1 makes it some thousands of kills.
func TestAKillLosesAndDoublesNothing(t *testing.T) {
	times := 1
	if os.Getenv("TORTURE") != "" {
		times = 20
	}
	for range times {
		killOften(t, 200)
		if t.Failed() {
			return
		}
	}
}

func killOften(t *testing.T, rounds int) {
	t.Helper()
	text := generation.Logs{Sink: generation.SinkFile, Format: generation.FormatText, MaxBytes: 100_000, MaxFiles: 10_000}
	raw := text
	raw.Format = generation.FormatRaw
	p := newPipes(t,
		Source{Project: "shop", Service: "web", Incarnation: "1", Stream: Stdout, Policy: text},
		Source{Project: "shop", Service: "web", Incarnation: "1", Stream: Stderr, Policy: text},
		Source{Project: "shop", Service: "web", Incarnation: "2", Stream: Stderr, Label: "health", Policy: text},
		Source{Project: "shop", Service: "raw", Incarnation: "3", Stream: Stdout, Policy: raw},
		Source{Project: "shop", Service: "raw", Incarnation: "3", Stream: Stderr, Policy: raw},
	)
	nextLine := func(n int) string { return lineOf(n) + "\n" }
	// What two streams write into one raw file is told apart by the case.
	lower := letters
	upper := func(n int) string { return strings.ToUpper(letters(n)) }
	stop, counts := make(chan struct{}), make([]int, len(p.writers))
	var writers sync.WaitGroup
	for i, next := range []func(int) string{nextLine, nextLine, nextLine, lower, upper} {
		writers.Go(func() { counts[i] = writeCut(p.writers[i], stop, next) })
	}
	for range rounds {
		// A random moment is what this is about.
		p.live(func() { time.Sleep(time.Duration(rand.IntN(12_000)) * time.Microsecond) })
	}
	close(stop)
	p.live(writers.Wait) // What they have begun to write needs a reader.
	p.finish()

	lines := byLabel(t, p.content("web"))
	for i, who := range []string{"stdout", "stderr", "stderr health"} {
		var want []string
		for n := range counts[i] {
			want = append(want, lineOf(n))
		}
		wantLines(t, lines[who], want)
	}
	mixed := p.content("raw")
	for i, of := range []struct {
		first, last rune
		next        func(int) string
	}{{'a', 'z', lower}, {'A', 'Z', upper}} {
		got := strings.Map(func(r rune) rune {
			if r < of.first || r > of.last {
				return -1
			}
			return r
		}, mixed)
		var want strings.Builder
		for n := range counts[3+i] {
			want.WriteString(of.next(n))
		}
		if got != want.String() {
			t.Errorf("raw bytes %c to %c differ: %d, want %d", of.first, of.last, len(got), want.Len())
		}
	}
	t.Logf("%d kills, %v lines, %d and %d files", rounds, counts, len(files(t, p.victim.Dir, "web")), len(files(t, p.victim.Dir, "raw")))
}
