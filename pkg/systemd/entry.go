package systemd

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Entry is an entry of the journal while it is put together, in journald's
// native protocol: NAME=value and a newline, or, for a value that has newlines
// itself, NAME, a newline, its length in 64 bits (little endian), the value and a
// newline (systemd.io/JOURNAL_NATIVE_PROTOCOL).
type Entry []byte

// Field adds a field, unless its value is empty. Names are upper case; anything
// else in one becomes an underscore, since journald drops what it cannot take.
func (e *Entry) Field(name, value string) {
	if value == "" {
		return
	}
	*e = append(*e, fieldName(name)...)
	if !strings.Contains(value, "\n") {
		*e = append(append(append(*e, '='), value...), '\n')
		return
	}
	*e = append(*e, '\n')
	*e = binary.LittleEndian.AppendUint64(*e, uint64(len(value)))
	*e = append(append(*e, value...), '\n')
}

func fieldName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}

// ToJournal reports whether the standard error of this process is the journal,
// which systemd says in JOURNAL_STREAM by its device and inode, and which is not
// so any more where somebody has redirected it (systemd.exec(5)).
func ToJournal(getenv func(string) string) bool {
	var stat unix.Stat_t
	err := unix.Fstat(int(os.Stderr.Fd()), &stat) // Never interrupted: it is no file that waits.
	return err == nil && getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
