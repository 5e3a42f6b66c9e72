package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// maxResident is what the system's helper may grow to, in bytes, whatever comes.
const maxResident = 30 << 20

// startBuilt starts the helper of a system's instance as it is built: this
// binary has the tests in it, which take memory.
func startBuilt(t *testing.T) *instance {
	t.Helper()
	i := startSystem(t)
	i.alive()
	i.kill9()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	i.binary = binary
	i.start()
	return i
}

// built builds sysg-exec, once.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(builtIn, "sysg-exec")
	out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return path, err
})

// frames is how many frames a flood has.
func frames() int {
	if os.Getenv("TORTURE") != "" {
		return 300_000
	}
	return 10_000
}

// A stream of what may look like requests neither ends the helper nor makes it
// wait or grow, nor starts anything.
func TestAFloodOfNonsenseIsAnsweredAndForgotten(t *testing.T) {
	i := startBuilt(t)
	in := i.dial().install(runsAs(serviceUID, service("s", "exec sleep 600")))
	seeds := seedFrames(t, in)
	const seed = 1
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	before := i.openFDs()
	c, answered := i.dialDaemon(), 0
	for range frames() {
		frame := mangled(random, seeds)
		var fds []int
		for range random.IntN(4) * random.IntN(2) {
			fds = append(fds, int(null.Fd()))
		}
		if err := sys.SendPacket(c.fd, frame, fds); err == nil {
			poll := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}
			if n, err := sys.Poll(poll, int(patience.Milliseconds())); n != 1 {
				t.Fatalf("%q is not answered: %v", frame, err)
			}
		}
		answered += c.drain()
		if c.ended() {
			c.close()
			c = i.dialDaemon()
		}
	}
	c.close()
	for _, p := range i.dialDaemon().list() {
		t.Errorf("it made the helper launch %+v", p.Listed.Record.Launch)
	}
	if answered == 0 {
		t.Error("nothing was answered")
	}
	t.Logf("%d answers; %d KiB at most", answered, i.peak()>>10)
	if i.peak() > maxResident {
		t.Errorf("the helper has grown to %d KiB", i.peak()>>10)
	}
	eventually(t, func() bool { return i.openFDs() <= before+2 }, func() string {
		return fmt.Sprintf("%d descriptors before, %d after", before, i.openFDs())
	})
}

// seedFrames are whole requests, one of each kind but those that would end the
// helper or launch what is installed.
func seedFrames(t *testing.T, in spec.Installed) (all [][]byte) {
	t.Helper()
	l := request(in, "other")
	for n, r := range []spec.Request{
		{Hello: &spec.Hello{Version: spec.Version, Min: spec.Min}}, {Launch: &l}, {Install: &spec.Install{}}, {List: &spec.List{}},
		{Signal: &spec.Signal{Incarnation: l.Incarnation, Signal: 15}}, {Kill: &spec.Kill{Incarnation: l.Incarnation}},
		{Ack: &spec.Ack{Incarnations: []string{l.Incarnation}}}, {Listen: listenFor(in, "s", true, "web")},
		{Unlisten: &spec.Unlisten{Project: "test", Service: "s"}}, {Main: &spec.Main{Incarnation: l.Incarnation, PID: 1}},
		{Keep: &spec.Keep{Incarnation: l.Incarnation, Name: "x"}}, {Drop: &spec.Drop{Incarnation: l.Incarnation, Name: "x"}},
		{Activate: &spec.Activate{Project: "test", Number: 1}}, {Remove: &spec.Remove{Project: "test"}},
	} {
		r.ID = uint64(n + 1)
		text, err := spec.EncodeRequest(&r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

// mangled is a frame with some bytes changed, cut or doubled, or one as it is.
func mangled(random *rand.Rand, seeds [][]byte) []byte {
	frame := append([]byte(nil), seeds[random.IntN(len(seeds))]...)
	for range random.IntN(4) {
		at := random.IntN(len(frame))
		switch random.IntN(4) {
		case 0:
			frame[at] = byte(random.Uint32())
		case 1:
			frame = append(frame[:at:at], frame[min(len(frame)-1, at+1+random.IntN(8)):]...)
		case 2:
			other := seeds[random.IntN(len(seeds))]
			frame = append(frame[:at:at], other[random.IntN(len(other)):]...)
		case 3:
			frame = append(frame, frame[at:]...)
		}
		if len(frame) == 0 {
			return []byte{0}
		}
	}
	return frame
}

// drain reads what has come, without waiting, and counts it.
func (c *client) drain() (count int) {
	buf := make([]byte, spec.MaxFrame)
	for {
		_, fds, err := sys.ReceivePacket(c.fd, buf)
		if err != nil {
			return count
		}
		sys.CloseAll(fds)
		count++
	}
}

// ended says whether the helper has hung up.
func (c *client) ended() bool {
	poll := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}
	n, _ := sys.Poll(poll, 0)
	return n > 0 && poll[0].Revents&unix.POLLHUP != 0
}

// eventually waits for what happens soon, and cannot be waited for otherwise.
func eventually(t *testing.T, holds func() bool, what func() string) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what())
		}
	}
}
