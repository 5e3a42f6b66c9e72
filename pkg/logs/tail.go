package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// blockSize is how much of a file is looked at in one go. It is more than the
// longest line that Capture writes.
const blockSize = 64 << 10

// Tail returns the last n lines of a service's log that the query wants, oldest
// first, and the position after all that is there. A log that does not exist
// has no lines.
func Tail(dir, project, service string, n int, q Query) ([]Line, Position, error) {
	path, err := logPath(dir, project, service)
	if err != nil {
		return nil, Position{}, err
	}
	file, info, err := openChosen(path, newest)
	if err != nil || file == nil {
		return nil, Position{}, err
	}
	sieve := q.on(path)
	end, err := wholeLines(file, info.Size())
	position := positionIn(file, info, end)
	var lines []Line
	for file != nil && err == nil {
		if len(lines) < n {
			sieve.refresh()
			lines, err = tailOf(file, info, end, n, sieve, lines)
		}
		_ = file.Close()
		if err != nil || len(lines) >= n || info.ModTime().Before(q.writtenSince()) {
			break
		}
		if file, info, err = openChosen(path, older(info)); file != nil {
			end = info.Size()
		}
	}
	if err != nil {
		return nil, Position{}, fmt.Errorf("cannot read the log of %q: %w", service, err)
	}
	slices.Reverse(lines)
	return lines, position, nil
}

// tailOf appends lines before end, last first, until there are n.
func tailOf(file *os.File, info fs.FileInfo, end int64, n int, s *sieve, lines []Line) ([]Line, error) {
	from := int64(0)
	if len(s.Runs) > 0 {
		var any bool
		if from, any = s.authors.begin(info, s.Runs); !any {
			return lines, nil
		}
	}
	err := backwards(file, end, func(text []byte, offset int64) bool {
		if offset < from {
			return false
		}
		if line := Parse(string(text)); s.lets(line, info, offset) {
			lines = append(lines, line)
		}
		return len(lines) < n
	})
	return lines, err
}

// wholeLines is the length of a file up to its last newline: its writer may be
// in the middle of a write.
func wholeLines(file io.ReaderAt, size int64) (int64, error) {
	block := make([]byte, blockSize)
	for size > 0 {
		start := max(size-blockSize, 0)
		part := block[:size-start]
		if there, err := readFull(file, part, start); !there {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		size = start
	}
	return 0, nil
}

// backwards calls take with the lines before end, last first and without their
// newlines, and with where each begins, until it returns false. A line of more than blockSize bytes, which
// is none of ours, comes in pieces, so memory is bounded.
func backwards(file io.ReaderAt, end int64, take func(line []byte, offset int64) bool) error {
	if end == 0 {
		return nil
	}
	store := make([]byte, 2*blockSize)
	if there, err := readFull(file, store[:1], end-1); !there {
		return err
	}
	if store[0] == '\n' {
		end-- // It ends the last line; the others stand before a line.
	}
	text := store[:0] // from end up to the last line taken
	for {
		if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
			if !take(text[i+1:], end+int64(i)+1) {
				return nil
			}
			text = text[:i]
			continue
		}
		if end == 0 || len(text) >= blockSize {
			if !take(text, end) || end == 0 {
				return nil
			}
			text = text[:0]
		}
		size := min(end, blockSize)
		copy(store[size:], text)
		end -= size
		if there, err := readFull(file, store[:size], end); !there {
			return err
		}
		text = store[:int(size)+len(text)]
	}
}

// readFull fills part from offset on. It is not there, without an error, where
// somebody truncated the file meanwhile.
func readFull(file io.ReaderAt, part []byte, offset int64) (there bool, err error) {
	_, err = file.ReadAt(part, offset)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return err == nil, err
}
