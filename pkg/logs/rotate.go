package logs

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
)

// rotatedPath is the name of the i-th last file, the current one being 0.
func rotatedPath(path string, i int) string {
	if i == 0 {
		return path
	}
	return path + "." + strconv.Itoa(i)
}

// rotate moves the file out of the way; the next line goes to a new one. Where
// that cannot be done, lines go on into the old file, and the next try comes
// when it has grown by as much again.
func (f *logFile) rotate() {
	if info, err := f.handle.Stat(); err == nil && info.Size() < f.size {
		f.size = info.Size() // Somebody truncated it: there is room again.
		return
	}
	f.close()
	if err := shift(f.path, f.rotated); err != nil {
		f.limit = addUpTo(f.size, f.maxBytes)
		return
	}
	f.size, f.limit, f.torn = 0, f.maxBytes, false
	_ = tidyRuns(f.path) // Otherwise the next rotation does it.
}

// addUpTo adds without overflow; both are at least 0.
func addUpTo(a, b int64) int64 {
	if sum := a + b; sum >= 0 {
		return sum
	}
	return a
}

// shift renames the current file to .1, .1 to .2 and so on up to keep, and
// deletes what is beyond. It begins at the far end, as readers rely on: a file
// only ever moves to a name that is free, one step at a time. A gap, left by a
// death in the middle of this, is closed by the next rotation.
func shift(path string, keep int) error {
	for i := keep + 1; ; i++ {
		if err := os.Remove(rotatedPath(path, i)); err != nil {
			break // Mostly since there is none; otherwise it does no harm.
		}
	}
	if keep == 0 {
		return os.Remove(path)
	}
	free := 1
	for free < keep && exists(rotatedPath(path, free)) {
		free++
	}
	for i := free; i > 0; i-- {
		if err := os.Rename(rotatedPath(path, i-1), rotatedPath(path, i)); err != nil {
			return err
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
