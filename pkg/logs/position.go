package logs

import (
	"io"
	"io/fs"
)

// Position is a place between two lines of a service's log. The zero value is
// the beginning of the oldest file.
type Position struct {
	file   fs.FileInfo
	offset int64
	// head is how the file begins: with the time of its first line. A deleted
	// file's inode number is soon given to a new one; its head is not.
	head string
}

// positionIn is the place at offset of an open file.
func positionIn(file io.ReaderAt, info fs.FileInfo, offset int64) Position {
	return Position{info, offset, headOf(file, offset)}
}

// isIn reports whether file is the one that the position was taken in, and
// still holds what precedes it.
func (p Position) isIn(file io.ReaderAt) bool {
	return headOf(file, p.offset) == p.head
}

// headOf is as much as identifies a file, of what precedes offset.
func headOf(file io.ReaderAt, offset int64) string {
	head := make([]byte, min(offset, int64(len(TimeLayout))))
	n, _ := file.ReadAt(head, 0) // What cannot be read is not the same.
	return string(head[:n])
}
