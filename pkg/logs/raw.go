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
func (f *logFile) splice(pipeFD int, buf []byte) (int, error) {
	f.use(true)
	room, err := f.room()
	if err == nil {
		err = f.mend(time.Now())
	}
	if err == nil {
		var n int
		n, err = sys.Splice(pipeFD, f.fd(), f.size, int(min(room, 1<<20)))
		if err == nil || errors.Is(err, sys.ErrWouldBlock) {
			return n, err
		}
	}
	n, readErr := sys.Read(pipeFD, buf)
	if readErr == nil && n > 0 {
		f.drop(n, err)
	}
	return n, readErr
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
