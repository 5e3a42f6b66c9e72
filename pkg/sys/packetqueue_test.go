package sys

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// peeked are the texts in a queue, with how many descriptors each has.
func peeked(t *testing.T, take int) (all []string) {
	t.Helper()
	count, err := PeekPackets(take, make([]byte, 1024), func(p []byte, fds []int) {
		all = append(all, fmt.Sprintf("%s %d", p, len(fds)))
		CloseAll(fds)
	})
	if err != nil || count != len(all) {
		t.Fatalf("%d packets were looked at, not %d: %v", len(all), count, err)
	}
	return all
}

func TestAQueueIsLookedAtAsOftenAsOneLikesAndKeepsWhatIsInIt(t *testing.T) {
	put, take, err := PacketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll([]int{put, take})
	r, w, err := LogPipe()
	if err != nil {
		t.Fatal(err)
	}
	before := openFDs(t)
	for n, text := range []string{"a", "longer", "b"} {
		if err := PutPacket(put, []byte(text), slices.Repeat([]int{r}, 100*n)); err != nil {
			t.Fatal(err)
		}
	}
	CloseAll([]int{r})
	for range 2 {
		if got, want := peeked(t, take), []string{"a 0", "longer 100", "b 200"}; !slices.Equal(got, want) {
			t.Fatalf("the queue has %q, not %q", got, want)
		}
	}
	if err := SkipPackets(take, 1); err != nil {
		t.Fatal(err)
	}
	if err := PutPacket(put, []byte("c"), nil); err != nil {
		t.Fatal(err)
	}
	if got, want := peeked(t, take), []string{"longer 100", "b 200", "c 0"}; !slices.Equal(got, want) {
		t.Fatalf("the queue has %q, not %q", got, want)
	}
	if now := openFDs(t); now != before-1 {
		t.Errorf("%d descriptors are open, not %d", now, before-1)
	}
	if _, err := unix.Write(w, []byte("x")); err != nil {
		t.Errorf("the pipe in the queue has no reader: %v", err)
	}
	if err := SkipPackets(take, 3); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(w, []byte("x")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("the pipe that was taken out has a reader still: %v", err)
	}
	if err := SkipPackets(take, 1); !errors.Is(err, ErrWouldBlock) {
		t.Errorf("there was something left: %v", err)
	}
	CloseAll([]int{w})
}

func TestAQueueSaysHowFullItIs(t *testing.T) {
	put, take, err := PacketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll([]int{put, take})
	size, err := SendBuffer(put)
	if err != nil {
		t.Fatal(err)
	}
	GrowSendBuffer(put, size)
	grown, err := SendBuffer(put)
	if err != nil || grown < size {
		t.Fatalf("the buffer has %d bytes, it had %d: %v", grown, size, err)
	}
	if used, err := QueuedBytes(put); used != 0 || err != nil {
		t.Fatalf("%d bytes of nothing: %v", used, err)
	}
	count := 0
	for ; err == nil; count++ {
		err = PutPacket(put, make([]byte, 64), nil)
	}
	used, _ := QueuedBytes(put)
	t.Logf("%d packets of 64 bytes took %d of %d bytes", count-1, used, grown)
	if !errors.Is(err, ErrWouldBlock) || used < grown/2 || used > 2*grown {
		t.Errorf("%d of %d bytes are in use when no packet fits: %v", used, grown, err)
	}
}
