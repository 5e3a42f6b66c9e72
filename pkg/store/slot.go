package store

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"systemg.org/sysg/pkg/sys"
)

// WriteSlot writes the active slot of a service, 0 or 1, to a file of its own,
// for whoever wants to know it.
func WriteSlot(path string, slot int) error {
	if err := sys.WriteFileAtomic(path, []byte(strconv.Itoa(slot)+"\n"), 0o644); err != nil {
		return fmt.Errorf("cannot write the active slot: %w", err)
	}
	return nil
}

// ReadSlot reads what WriteSlot wrote, 0 where that is not there.
func ReadSlot(path string) int {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // It may be anything.
	if err != nil {
		return 0
	}
	defer file.Close()
	text := make([]byte, 8)
	n, _ := file.Read(text)
	if strings.TrimSpace(string(text[:n])) == "1" {
		return 1
	}
	return 0
}
