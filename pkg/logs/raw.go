package logs

import (
	"errors"
	"time"

	"systemg.org/sysg/pkg/sys"
)

// splice moves what a pipe holds to the end of a raw file, as it is: there is
// nothing to commit, since the file's length says what has left the pipe. Where
// that fails, the bytes are counted and dropped. It returns like read(2), the
// buffer being for its own use.
func (s *source) splice(buf []byte) (int, error) {
	f := s.file
	f.use(true)
	room, err := f.room()
	if err == nil {
		err = f.mend(time.Now())
	}
	if err == nil {
		f.note(s.Incarnation)
		var n int
		n, err = sys.Splice(s.fd, f.fd(), f.size, int(min(room, 1<<20)))
		if err == nil || errors.Is(err, sys.ErrWouldBlock) {
			f.noted.end = f.size + int64(max(n, 0))
			s.lookBack(n, buf)
			return n, err
		}
	}
	n, readErr := sys.Read(s.fd, buf)
	if readErr == nil && n > 0 {
		f.drop(n, err)
		if scanner := s.watched(); scanner != nil {
			scanner.feed(buf[:n])
		}
	}
	return n, readErr
}

// lookBack shows a Watch the n bytes that were moved to the end of the file.
// Should somebody truncate it meanwhile, the watch misses them.
func (s *source) lookBack(n int, buf []byte) {
	scanner := s.watched()
	if scanner == nil {
		return
	}
	for done := 0; done < n; {
		part := buf[:min(n-done, len(buf))]
		got, _ := s.file.handle.ReadAt(part, s.file.size+int64(done))
		if got == 0 {
			return
		}
		scanner.feed(part[:got])
		done += got
	}
}

// room opens the file and says how many bytes it may still take; it is rotated
// where that are none.
func (f *logFile) room() (int64, error) {
	for range 2 {
		err := f.open()
		if err == nil {
			err = f.look()
		}
		if err != nil {
			return 0, err
		}
		if f.size < f.limit {
			break
		}
		f.rotate()
	}
	return max(f.limit-f.size, 1), nil
}
