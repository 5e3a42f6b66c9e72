package store

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestTheActiveSlotIsReadAsItWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slot")
	if got := ReadSlot(path); got != 0 {
		t.Errorf("without a file: %d", got)
	}
	for _, slot := range []int{1, 0, 1} {
		if err := WriteSlot(path, slot); err != nil {
			t.Fatal(err)
		}
		if got := ReadSlot(path); got != slot {
			t.Errorf("wrote %d, read %d", slot, got)
		}
	}
	if err := WriteSlot(filepath.Join(path, "below"), 1); err == nil {
		t.Error("a folder that is a file is no error")
	}
}

// TestASlotFileMayBeAnything: whoever may write there must not hold us up.
func TestASlotFileMayBeAnything(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("<active>1</active>"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, dir, text} {
		if got := ReadSlot(path); got != 0 {
			t.Errorf("%s: %d", path, got)
		}
	}
}
