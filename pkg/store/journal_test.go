package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/api"
)

func openJournal(t *testing.T, path string) *Journal {
	t.Helper()
	j, err := OpenJournal(path, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// told are the numbers and causes of all events at path.
func told(t *testing.T, j *Journal) string {
	t.Helper()
	var words []string
	if err := j.Read(func(e api.Event) bool {
		words = append(words, fmt.Sprintf("%d %s", e.Sequence, e.Cause))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(words, ", ")
}

func TestAJournalGoesOnWhereItEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "events.log")
	j := openJournal(t, path)
	if n := j.Append(api.Event{Cause: "a"}); n != 1 {
		t.Errorf("the first event is number %d", n)
	}
	j.Append(api.Event{Cause: "b"})
	if got := told(t, j); got != "1 a, 2 b" {
		t.Errorf("told %q", got)
	}
	j.Close()
	j = openJournal(t, path)
	defer j.Close()
	if j.Last() != 2 || j.Append(api.Event{Cause: "c"}) != 3 {
		t.Errorf("it began anew")
	}
	if got := told(t, j); got != "1 a, 2 b, 3 c" {
		t.Errorf("told %q", got)
	}
}

func TestALineCutByADeathIsPassedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.log")
	if err := os.WriteFile(path, []byte(`{"seq":7,"cause":"a"}`+"\n"+`{"seq":8,"cau`), 0o600); err != nil {
		t.Fatal(err)
	}
	j := openJournal(t, path)
	defer j.Close()
	j.Append(api.Event{Cause: "b"})
	if got := told(t, j); got != "7 a, 8 b" {
		t.Errorf("told %q", got)
	}
}

func TestAFullJournalIsSetAsideInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.log")
	j := openJournal(t, path)
	j.limit = 500
	for i := range 100 {
		j.Append(api.Event{Cause: strings.Repeat("x", i%7)})
		j.settled()
	}
	defer j.Close()
	last := 0
	if err := j.Read(func(e api.Event) bool {
		if last > 0 && e.Sequence != last+1 {
			t.Errorf("after %d comes %d", last, e.Sequence)
		}
		last = e.Sequence
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if last != 100 {
		t.Errorf("the newest is %d", last)
	}
	files, _ := filepath.Glob(path + "*")
	if len(files) != 2 {
		t.Errorf("files %q", files)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Size() > 500 {
			t.Errorf("%s: %v, %d bytes", file, err, info.Size())
		}
	}
}

func TestWhatADiskDoesNotTakeIsAGapInTheNumbers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.log")
	failures := 0
	j, err := OpenJournal(path, func(error) { failures++ })
	if err != nil {
		t.Fatal(err)
	}
	j.Append(api.Event{Cause: "a"})
	j.settled()
	for range 3 {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = j.file.Close()
		j.file = full
		j.Append(api.Event{Cause: "lost"})
		j.settled()
		if j.room(0) != nil { // as the next write does
			t.Fatal("it does not open again")
		}
	}
	j.Append(api.Event{Cause: "b"})
	if got := told(t, j); got != "1 a, 5 b" {
		t.Errorf("told %q", got)
	}
	j.Close()
	if failures != 1 {
		t.Errorf("told of %d failures", failures)
	}
}
