package sys

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAWallTimerRingsAtItsTime(t *testing.T) {
	w, err := NewWallTimer()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for name, at := range map[string]time.Time{
		"soon":             time.Now().Add(20 * time.Millisecond),
		"in the past":      time.Now().Add(-time.Hour),
		"before all times": time.Unix(-5, 0),
	} {
		if moved, err := w.Set(at); moved || err != nil {
			t.Fatalf("%s: %v, %v", name, moved, err)
		}
		if err := w.Wait(); err != nil || time.Now().Before(at) {
			t.Errorf("%s: rang %s early, %v", name, time.Until(at), err)
		}
	}
}

func TestAWallTimerThatIsOffWaitsForItsEnd(t *testing.T) {
	w, err := NewWallTimer()
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{time.Now().Add(30 * time.Millisecond), {}} {
		if _, err := w.Set(at); err != nil {
			t.Fatal(err)
		}
	}
	time.AfterFunc(60*time.Millisecond, func() { w.Close() })
	if err := w.Wait(); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

// The clock is set to what it shows, which is all that a test may do to it. Who
// may not set it cannot be surprised by himself either.
func TestAWallTimerRingsWhenTheClockIsSet(t *testing.T) {
	w, err := NewWallTimer()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	set := func() bool {
		t.Helper()
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_REALTIME, &now); err != nil {
			t.Fatal(err)
		}
		err := unix.ClockSettime(unix.CLOCK_REALTIME, &now)
		if err != nil && !errors.Is(err, unix.EPERM) {
			t.Fatal(err)
		}
		return err == nil
	}
	if _, err := w.Set(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if !set() {
		return
	}
	patience := time.AfterFunc(10*time.Second, func() { w.Close() })
	defer patience.Stop()
	if err := w.Wait(); err != nil {
		t.Error("it does not ring:", err)
	}
	if !set() {
		return
	}
	if moved, err := w.Set(time.Now().Add(time.Hour)); !moved || err != nil {
		t.Errorf("set between ringing and the next Set: %v, %v", moved, err)
	}
}
