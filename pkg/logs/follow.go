package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"systemg.org/sysg/pkg/sys"
)

// Followed is a log to follow and where to begin.
type Followed struct {
	Project, Service string
	From             Position
}

// Follow calls emit with each line of a service's log after from that the query
// wants, now and as they are written, until ctx ends or emit fails; it returns
// the error of either. What was written before ctx ended is emitted first. The log need not exist yet; its folder is made, so check
// first that there is such a project.
func Follow(ctx context.Context, dir, project, service string, q Query, from Position, emit func(Line) error) error {
	followed := []Followed{{Project: project, Service: service, From: from}}
	return FollowAll(ctx, dir, followed, q, func(_ int, line Line) error { return emit(line) })
}

// FollowAll is Follow for several services; emit is told which by its index.
// It costs one inotify instance, of which a user has 128, for all of them.
func FollowAll(ctx context.Context, dir string, all []Followed, q Query, emit func(i int, line Line) error) error {
	inotify, err := sys.NewInotify()
	if err != nil {
		return fmt.Errorf("cannot follow logs: %w", err)
	}
	defer inotify.Close()
	defer context.AfterFunc(ctx, func() { _ = inotify.Interrupt() })()

	var followers []*follower
	for i, one := range all {
		f := &follower{inotify: inotify, from: one.From, emit: func(line Line) error { return emit(i, line) }}
		if err := f.begin(dir, one, q); err != nil {
			return err
		}
		defer f.close()
		followers = append(followers, f)
	}
	return followLoop(ctx, inotify, followers)
}

// followLoop takes a step with each follower that may have something, in turn,
// and waits when none has.
func followLoop(ctx context.Context, inotify *sys.Inotify, followers []*follower) error {
	block := make([]byte, blockSize)
	var changed []int
	for {
		busy := false
		for _, f := range followers {
			if err := ctx.Err(); err != nil {
				rest(followers, block)
				return err
			}
			if !f.pending {
				continue
			}
			var err error
			if f.pending, err = f.step(block); err != nil {
				return err
			}
			busy = busy || f.pending
		}
		if busy {
			continue
		}
		var err error
		if changed, err = inotify.Wait(changed[:0]); err != nil {
			if ctx.Err() != nil {
				rest(followers, block)
				return ctx.Err()
			}
			return fmt.Errorf("cannot follow logs: %w", err)
		}
		for _, f := range followers {
			f.pending = slices.Contains(changed, f.fileWatch) || slices.Contains(changed, f.dirWatch) ||
				slices.Contains(changed, sys.Everything)
		}
	}
}

// restSteps bounds how much of a log is read at the end: there may be no end of
// writing.
const restSteps = 64

// rest emits what was written before the end, which may have come first: a
// command that ends at once has printed all by then. Whoever does not listen any
// more is no failure.
func rest(followers []*follower, block []byte) {
	for _, f := range followers {
		for range restSteps {
			if more, err := f.step(block); err != nil || !more {
				break
			}
		}
	}
}

// follower reads one service's log from file to file.
type follower struct {
	inotify *sys.Inotify
	path    string
	sieve   *sieve
	emit    func(Line) error
	from    Position // where to begin, until a file is open
	pending bool     // there may be something to read

	file   *os.File // nil until there is one
	info   fs.FileInfo
	offset int64 // of the first line not emitted
	// next is the file after this one; then this one is finished.
	next     *os.File
	nextInfo fs.FileInfo

	dirWatch  int // tells of new files
	fileWatch int // tells of new lines
}

// begin watches the folder, where the first and every next file will appear.
func (f *follower) begin(dir string, one Followed, q Query) error {
	path, err := logPath(dir, one.Project, one.Service)
	if err != nil {
		return err
	}
	f.path, f.pending, f.fileWatch = path, true, sys.Everything
	f.sieve = q.on(path)
	folder := filepath.Dir(path)
	if err = ensureFolder(folder); err == nil {
		f.dirWatch, err = f.inotify.Add(folder, sys.NameAdded)
	}
	if err != nil {
		return fmt.Errorf("cannot follow the log of %q: %w", one.Service, err)
	}
	return nil
}

// ensureFolder makes the folder of a log that is yet to come, for who will write
// to it: root may look at what another user's daemon writes.
func ensureFolder(folder string) error {
	err := os.Mkdir(folder, 0o750)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist): // its parent is missing as well
		return os.MkdirAll(folder, 0o750)
	case err != nil || os.Geteuid() != 0:
		return err
	}
	above, err := os.Stat(filepath.Dir(folder))
	if err != nil {
		return err
	}
	// By a descriptor of a directory: whoever owns the parent may have put
	// something else in its place.
	made, err := os.OpenFile(folder, syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer func() { _ = made.Close() }()
	owner, _ := above.Sys().(*syscall.Stat_t)
	return made.Chown(int(owner.Uid), int(owner.Gid))
}

func (f *follower) close() {
	for _, file := range []*os.File{f.file, f.next} {
		if file != nil {
			_ = file.Close()
		}
	}
	f.file, f.next = nil, nil
}

// step emits at most a block of lines, or goes on to the next file, and reports
// whether there may be more to do.
func (f *follower) step(block []byte) (more bool, err error) {
	if f.file == nil {
		return f.first()
	}
	n, err := f.file.ReadAt(block, f.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("cannot read log: %w", err)
	}
	f.sieve.refresh()
	used, err := f.lines(block[:n], n == len(block))
	f.offset += int64(used)
	switch {
	case err != nil:
		return false, err
	case used > 0:
		return true, nil
	case f.next != nil:
		return true, f.advance(block[:n])
	}
	return f.idle(n)
}

// lines emits the whole lines of text and returns how long they are. A line
// that fills all of it, which is none of ours, is emitted as it is.
func (f *follower) lines(text []byte, full bool) (used int, err error) {
	for {
		i := bytes.IndexByte(text[used:], '\n')
		if i < 0 {
			break
		}
		line, begin := text[used:used+i], f.offset+int64(used)
		used += i + 1
		if err := f.line(line, begin); err != nil {
			return used, err
		}
	}
	if used == 0 && full {
		return len(text), f.line(text, f.offset)
	}
	return used, nil
}

func (f *follower) line(text []byte, offset int64) error {
	line := Parse(string(text))
	if !f.sieve.lets(line, f.info, offset) {
		return nil
	}
	return f.emit(line)
}

// idle is what to do where the file has no whole line after offset, but rest
// bytes of one: look whether it was truncated, or another has followed it.
func (f *follower) idle(rest int) (more bool, err error) {
	info, err := f.file.Stat()
	if err != nil {
		return false, fmt.Errorf("cannot read log: %w", err)
	}
	if info.Size() < f.offset {
		f.offset = 0
		return true, nil
	}
	f.info = info
	if current, err := os.Lstat(f.path); err == nil && os.SameFile(current, info) {
		return info.Size() > f.offset+int64(rest), nil
	}
	// Capture may have written to this one after we read and before it began
	// the next, so read once more before going on.
	f.next, f.nextInfo, err = openChosen(f.path, newer(f.info))
	return f.next != nil, err
}

// advance goes on to the next file. The rest of this one is the beginning of a
// line whose writer died.
func (f *follower) advance(rest []byte) error {
	if len(rest) > 0 {
		if err := f.line(rest, f.offset); err != nil {
			return err
		}
	}
	_ = f.file.Close()
	_ = f.inotify.Remove(f.fileWatch)
	f.offset = 0
	f.file, f.info, f.next = f.next, f.nextInfo, nil
	return f.watch()
}

// first opens the file to begin with, if there is one: that of the position, or
// the oldest that was written to later, or the oldest of all.
func (f *follower) first() (more bool, err error) {
	since := time.Time{}
	if from := f.from; from.file != nil {
		since = from.file.ModTime()
		if f.file, f.info, err = openChosen(f.path, same(from.file)); err != nil {
			return false, err
		}
		if f.file != nil && from.isIn(f.file) {
			f.offset = from.offset
			return true, f.watch()
		}
		f.close()
	}
	if f.file, f.info, err = openChosen(f.path, oldestSince(since)); err != nil || f.file == nil {
		return false, err
	}
	return true, f.watch()
}

// watch asks to be told of new lines. The path leads to the file that is open,
// whatever its name is by now.
func (f *follower) watch() error {
	var err error
	if f.fileWatch, err = f.inotify.Add(fmt.Sprintf("/proc/self/fd/%d", f.file.Fd()), sys.Modified); err != nil {
		return fmt.Errorf("cannot follow log %q: %w", f.path, err)
	}
	return nil
}
