package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Clear says what of a log's past is to go. The zero value is all of it; with
// either bound only rotated files go, and only those that exceed one.
type Clear struct {
	// MaxBytes is how much the rotated files may take together, nil for any;
	// the oldest go first.
	MaxBytes *int64
	// Before is the time of the last line from which on a file may stay.
	Before time.Time
}

// Cleared is what was done.
type Cleared struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// ClearFiles does it to the files of a service's log. While they are captured,
// Capture.Clear is the one that may.
func ClearFiles(dir, project, service string, what Clear) (Cleared, error) {
	path, err := logPath(dir, project, service)
	if err != nil {
		return Cleared{}, err
	}
	var done Cleared
	if what.MaxBytes == nil && what.Before.IsZero() {
		done, err = purge(path)
	} else {
		done, err = prune(path, what)
	}
	if err != nil {
		return done, fmt.Errorf("cannot clear the log of %q: %w", service, err)
	}
	return done, nil
}

// purge empties the current file, which its writer and readers hold open, and
// removes the others, and what is known of runs.
func purge(path string) (Cleared, error) {
	done, err := removeRotated(path, func(fs.FileInfo) bool { return true })
	if err != nil {
		return done, err
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return done, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q is not a regular file", path)
	}
	if err == nil {
		err = os.Truncate(path, 0)
	}
	if err != nil {
		return done, err
	}
	if info.Size() > 0 {
		done.Files++
		done.Bytes += info.Size()
	}
	if err := os.Remove(runsPath(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return done, err
	}
	return done, nil
}

// prune removes rotated files, the newest of them being counted first.
func prune(path string, what Clear) (Cleared, error) {
	var total int64
	return removeRotated(path, func(info fs.FileInfo) bool {
		total += info.Size()
		return what.MaxBytes != nil && total > *what.MaxBytes || info.ModTime().Before(what.Before)
	})
}

// removeRotated removes those of the rotated files that are to go, newest first.
func removeRotated(path string, goes func(fs.FileInfo) bool) (Cleared, error) {
	var done Cleared
	chain, err := snapshot(path)
	if err != nil {
		return done, err
	}
	for i, info := range chain {
		if i == 0 || info == nil || !info.Mode().IsRegular() || !goes(info) {
			continue
		}
		if err := os.Remove(rotatedPath(path, i)); err != nil {
			return done, err
		}
		done.Files++
		done.Bytes += info.Size()
	}
	return done, nil
}

// Clear is ClearFiles while the log is captured: it comes between two writes,
// so that a kill in the middle finds nothing half done.
func (c *Capture) Clear(project, service string, what Clear) (done Cleared, err error) {
	ended := make(chan struct{})
	if !c.do(func() {
		done, err = ClearFiles(c.Dir, project, service, what)
		close(ended)
	}) {
		return Cleared{}, errors.New("cannot clear a log: the capture has ended")
	}
	<-ended
	return done, err
}

// Paths are the files of a service's log that there are, the current one first.
func Paths(dir, project, service string) ([]string, error) {
	path, err := logPath(dir, project, service)
	if err != nil {
		return nil, err
	}
	chain, err := snapshot(path)
	var paths []string
	for i, info := range chain {
		if info != nil {
			paths = append(paths, rotatedPath(path, i))
		}
	}
	return paths, err
}
