package sys

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestInotifyNamesTheWatchThatChanged(t *testing.T) {
	dir := t.TempDir()
	inotify, err := NewInotify()
	if err != nil {
		t.Fatal(err)
	}
	defer inotify.Close()
	folder, err := inotify.Add(dir, NameAdded)
	if err != nil {
		t.Fatal(err)
	}

	path := filepath.Join(dir, "a")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantWatches(t, inotify, folder)

	file, err := inotify.Add(path, Modified)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	wantWatches(t, inotify, file)

	if err := os.Rename(path, filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	wantWatches(t, inotify, folder)
	again, err := inotify.Add(filepath.Join(dir, "b"), Modified)
	if err != nil || again != file {
		t.Errorf("Add of the renamed file = %d, %v; want %d again", again, err, file)
	}
	if err := inotify.Remove(file); err != nil {
		t.Error(err)
	}
}

func wantWatches(t *testing.T, inotify *Inotify, want ...int) {
	t.Helper()
	got, err := inotify.Wait(nil)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("Wait = %v, %v; want %v", got, err, want)
	}
}

func TestInterruptEndsAWaitInProgress(t *testing.T) {
	inotify, err := NewInotify()
	if err != nil {
		t.Fatal(err)
	}
	defer inotify.Close()
	ended := make(chan error)
	go func() {
		_, err := inotify.Wait(nil)
		ended <- err
	}()
	if err := inotify.Interrupt(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Wait ended with %v, want %v", err, os.ErrDeadlineExceeded)
	}
}

func TestInotifyNamesTheFileItCannotWatch(t *testing.T) {
	inotify, err := NewInotify()
	if err != nil {
		t.Fatal(err)
	}
	defer inotify.Close()
	if _, err := inotify.Add(filepath.Join(t.TempDir(), "absent"), Modified); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Add of an absent file: %v", err)
	}
}

func FuzzWatches(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, events []byte) {
		if got := watches(nil, events); len(got) > len(events)/16 {
			t.Errorf("%d watches out of %d bytes", len(got), len(events))
		}
	})
}

func TestDetachLeavesThePipeNonBlockingAndUnwatched(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	fd, err := Detach(reader)
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll([]int{fd})
	buf := make([]byte, 8)
	if _, err := Read(fd, buf); !errors.Is(err, ErrWouldBlock) {
		t.Errorf("Read of an empty pipe: %v, want %v", err, ErrWouldBlock)
	}
	if _, err := writer.WriteString("hello"); err != nil {
		t.Fatal(err)
	}
	if n, err := Read(fd, buf); err != nil || string(buf[:n]) != "hello" {
		t.Errorf("Read = %q, %v", buf[:n], err)
	}
	if _, err := reader.Read(buf); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the file is still open: %v", err)
	}
}
