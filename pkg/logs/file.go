package logs

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/sys"
)

// logFile is the file that a service's lines are appended to. Only Capture's
// goroutine uses it. It is opened when there is something to write.
type logFile struct {
	path   string
	handle *os.File // nil while closed
	// raw is set while it is open for Splice, which does not append.
	raw bool
	// size is the file's length and inode its identity, when last looked at.
	size  int64
	inode uint64
	// limit is the size at which it is rotated, rotated how many old ones are kept.
	limit    int64
	maxBytes int64
	rotated  int
	// sources counts the open pipes that feed it.
	sources int
	// torn is set where the file ends inside a line.
	torn bool
	// dropped counts the lines, or raw bytes, that could not be written since
	// the last ones that could, because of why.
	dropped int
	why     error
	noted   noted
	// capture is told of losses.
	capture          *Capture
	project, service string
}

func (f *logFile) setPolicy(policy generation.Logs) {
	f.maxBytes = int64(min(policy.MaxBytes, math.MaxInt64))
	if f.maxBytes == 0 {
		f.maxBytes = math.MaxInt64
	}
	f.limit, f.rotated = f.maxBytes, max(policy.MaxFiles, 0)
}

// use chooses how the file is opened.
func (f *logFile) use(raw bool) {
	if f.raw != raw {
		f.close()
		f.raw = raw
	}
}

// open opens the file where it is closed. The umask of the process decides
// whether the group may read: sysgd's does in the system's instance only.
func (f *logFile) open() error {
	if f.handle != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o750); err != nil {
		return err
	}
	// Reading is for the look at the last byte.
	flags := os.O_RDWR | os.O_CREATE
	if !f.raw {
		flags |= os.O_APPEND
	}
	handle, err := os.OpenFile(f.path, flags, 0o640)
	if err != nil {
		return err
	}
	info, err := handle.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q is not a regular file", f.path)
	}
	if err == nil {
		f.torn, err = endsInsideLine(handle, info.Size())
	}
	if err != nil {
		_ = handle.Close()
		return err
	}
	f.handle = handle
	return f.look()
}

// look asks for the length: somebody else may have truncated the file.
func (f *logFile) look() (err error) {
	f.inode, f.size, err = sys.Identity(f.fd())
	return err
}

func (f *logFile) fd() int { return int(f.handle.Fd()) }

// endsInsideLine is true for a file whose writer died in the middle of a write.
func endsInsideLine(file *os.File, size int64) (bool, error) {
	if size == 0 {
		return false, nil
	}
	var last [1]byte
	_, err := file.ReadAt(last[:], size-1)
	return last[0] != '\n', err
}

// put writes whole lines of the run by, or counts them as dropped. If they come
// from a spool, a death from here on to its next commit takes them back.
func (f *logFile) put(lines []byte, now time.Time, by string, from *spool) {
	err := f.open()
	if err == nil {
		err = f.look()
	}
	if err == nil && from != nil {
		from.ledger.arm(from.slot, from.start, f.inode, f.size)
	}
	if err == nil {
		f.note(by)
		err = f.mend(now)
	}
	kept := 0
	if err == nil {
		kept, err = f.append(lines)
		f.noted.end = f.size
	}
	if err != nil {
		f.drop(bytes.Count(lines[kept:], []byte{'\n'}), err)
	}
}

// drop counts what could not be written.
func (f *logFile) drop(count int, why error) {
	f.capture.losing(f, count, why)
	f.dropped += count
	f.why = why
}

// mend ends a torn line and reports dropped ones. In a raw file only a report,
// which has a line of its own, ends a torn line.
func (f *logFile) mend(now time.Time) error {
	if f.dropped == 0 && (f.raw || !f.torn) {
		return nil
	}
	if f.raw {
		var err error
		if f.torn, err = endsInsideLine(f.handle, f.size); err != nil {
			return err
		}
	}
	var report []byte
	if f.torn {
		report = append(report, '\n')
	}
	if f.dropped > 0 {
		report = appendPrefix(report, now, Stderr, "sysg")
		report = fmt.Appendf(report, "%d %s were dropped: %v\n", f.dropped, f.unit(), cause(f.why))
	}
	if _, err := f.append(report); err != nil {
		return err
	}
	f.capture.tell(f, f.dropped, f.why)
	f.dropped, f.why = 0, nil
	return nil
}

func (f *logFile) unit() string {
	if f.raw {
		return "bytes"
	}
	return "lines"
}

// cause leaves out the path, which the reader of the file knows.
func cause(err error) error {
	var failed *os.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// append writes lines and says how many bytes of them are in the file. Where
// not all fit, the beginning of a line is taken out of it again.
func (f *logFile) append(lines []byte) (kept int, err error) {
	n, err := f.write(lines)
	if err == nil {
		f.torn = false
		f.size += int64(n)
		return n, nil
	}
	kept = bytes.LastIndexByte(lines[:n], '\n') + 1
	if kept < n {
		f.torn = f.shorten(int64(n-kept)) != nil
	}
	f.size += int64(kept)
	return kept, err
}

// write writes at the end. Raw files are not open for appending.
func (f *logFile) write(lines []byte) (int, error) {
	if f.raw {
		return f.handle.WriteAt(lines, f.size)
	}
	return f.handle.Write(lines)
}

// shorten cuts bytes off the end. It asks for the length, since somebody else
// may have truncated the file.
func (f *logFile) shorten(by int64) error {
	info, err := f.handle.Stat()
	if err != nil {
		return err
	}
	return f.handle.Truncate(max(info.Size()-by, 0))
}

// close closes the file, for now.
func (f *logFile) close() {
	if f.handle != nil {
		_ = f.handle.Close()
		f.handle = nil
	}
}
