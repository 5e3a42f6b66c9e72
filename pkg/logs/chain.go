package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// The files of one service form a chain: 0 is the current one, i the i-th last.
// Rotation renames them while we read. It is enough to know that a file only
// moves upwards, the far end first (shift), and that a file that we hold open
// keeps its identity: look at the whole chain from 0 upwards, which misses no
// file, choose one, open it, and see whether it is the one that was chosen. If
// not, look again.

const (
	// gap is how many names may be free between two files of a chain. A
	// death during rotation leaves one, people may leave more.
	gap = 8
	// tries bounds the looks at a chain that changes each time.
	tries = 100
)

// errMoved says that rotation came in between.
var errMoved = errors.New("the log is rotated faster than it can be read")

// snapshot is what stands at each place of a chain, nil where nothing does. A
// file that moves while we look may stand at two places.
func snapshot(path string) ([]fs.FileInfo, error) {
	var chain []fs.FileInfo
	for i, free := 0, 0; free <= gap; i++ {
		info, err := os.Lstat(rotatedPath(path, i))
		switch {
		case err == nil:
			free = 0
		case errors.Is(err, fs.ErrNotExist):
			free++
		default:
			return nil, err
		}
		chain = append(chain, info)
	}
	return chain, nil
}

// choose picks a place in a chain, -1 for none.
type choose func(chain []fs.FileInfo) int

// newest is the current file, or the last one while there is no current one.
func newest(chain []fs.FileInfo) int {
	for i, info := range chain {
		if info != nil {
			return i
		}
	}
	return -1
}

// oldestSince is the oldest file that was written to at or after a time.
func oldestSince(since time.Time) choose {
	return func(chain []fs.FileInfo) int {
		for i := len(chain) - 1; i >= 0; i-- {
			if chain[i] != nil && !chain[i].ModTime().Before(since) {
				return i
			}
		}
		return -1
	}
}

// same is the file itself.
func same(as fs.FileInfo) choose {
	return func(chain []fs.FileInfo) int {
		for i, info := range chain {
			if info != nil && os.SameFile(info, as) {
				return i
			}
		}
		return -1
	}
}

// older is the file before this one.
func older(than fs.FileInfo) choose {
	return func(chain []fs.FileInfo) int {
		return neighbour(chain, than, +1)
	}
}

// newer is the file after this one. If this one is gone, it is the oldest of
// those that were written to later.
func newer(than fs.FileInfo) choose {
	return func(chain []fs.FileInfo) int {
		if same(than)(chain) < 0 {
			return oldestSince(than.ModTime())(chain)
		}
		return neighbour(chain, than, -1)
	}
}

// neighbour is the next place in one direction that holds another file.
func neighbour(chain []fs.FileInfo, of fs.FileInfo, step int) int {
	i := same(of)(chain)
	if i < 0 {
		return -1
	}
	for i += step; i >= 0 && i < len(chain); i += step {
		if chain[i] != nil && !os.SameFile(chain[i], of) {
			return i
		}
	}
	return -1
}

// openChosen opens a file of the chain. It returns nil and no error where the
// choice is none.
func openChosen(path string, which choose) (*os.File, fs.FileInfo, error) {
	for range tries {
		chain, err := snapshot(path)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot read log: %w", err)
		}
		i := which(chain)
		if i < 0 {
			return nil, nil, nil
		}
		file, info, err := openAs(rotatedPath(path, i), chain[i])
		if err == nil {
			return file, info, nil
		}
		if !errors.Is(err, errMoved) && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, fmt.Errorf("cannot read log: %w", err)
		}
	}
	return nil, nil, fmt.Errorf("cannot read log %q: %w", path, errMoved)
}

// openAs opens path if it is still the file that was seen there.
func openAs(path string, seen fs.FileInfo) (*os.File, fs.FileInfo, error) {
	if !seen.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%q is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !os.SameFile(info, seen) {
		err = errMoved
	}
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	return file, info, nil
}
