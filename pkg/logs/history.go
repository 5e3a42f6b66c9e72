package logs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
)

// History is all that a service's log holds and a query wants, oldest first,
// over all its files, without holding more of it in memory than a block.
// An error is the last thing that it yields.
func History(dir, project, service string, q Query) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		path, err := logPath(dir, project, service)
		if err == nil {
			err = (&history{sieve: q.on(path), path: path, yield: yield}).read()
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(Line{}, fmt.Errorf("cannot read the log of %q: %w", service, err))
		}
	}
}

// errEnough says that whoever reads wants no more.
var errEnough = errors.New("enough")

type history struct {
	sieve *sieve
	path  string
	yield func(Line, error) bool
	// rest is a line without its end, which began at offset.
	rest   []byte
	offset int64
}

func (h *history) read() error {
	for which := oldestSince(h.sieve.writtenSince()); ; {
		file, info, err := openChosen(h.path, which)
		if err != nil || file == nil {
			return err // What has no end yet is somebody's to go on with.
		}
		if len(h.rest) > 0 {
			err = h.line(h.rest, info, h.offset)
		}
		if err == nil {
			err = h.file(file, info)
		}
		_ = file.Close()
		if err != nil {
			return err
		}
		which = newer(info)
	}
}

// file reads one file of the log.
func (h *history) file(file *os.File, info fs.FileInfo) error {
	h.rest, h.offset = nil, 0
	reader := bufio.NewReaderSize(file, blockSize)
	for known := int64(-1); ; {
		// A line of more than blockSize, which is none of ours, comes in pieces.
		text, err := reader.ReadSlice('\n')
		end := h.offset + int64(len(text))
		if errors.Is(err, io.EOF) {
			h.rest = append(h.rest, text...)
			return nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if end > known { // Whose it is may have been written since we looked.
			h.sieve.refresh()
			known = max(info.Size(), end)
		}
		if err == nil {
			text = text[:len(text)-1]
		}
		if err := h.line(text, info, h.offset); err != nil {
			return err
		}
		h.offset = end
	}
}

func (h *history) line(text []byte, info fs.FileInfo, offset int64) error {
	if line := Parse(string(text)); h.sieve.lets(line, info, offset) && !h.yield(line, nil) {
		return errEnough
	}
	return nil
}
