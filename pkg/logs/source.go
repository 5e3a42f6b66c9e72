package logs

import (
	"errors"
	"io"
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/sys"
)

// source is a pipe that is being read.
type source struct {
	Source
	fd   int
	file *logFile // nil where the output is discarded
	// spool is nil until the pipe has something, and where none can be made.
	spool *spool
	// partial is the beginning of a line, at most MaxLine bytes: its first
	// loose bytes are in memory alone, the others are what the spool holds.
	partial []byte
	loose   int
	// journal is set where the lines go to journald, if it takes them.
	journal bool
	// scanner is set where the lines are taken apart for a Watch alone.
	scanner *lineScanner
}

// samePipe reports whether both are the same pipe, seen by two processes.
func (s *Source) samePipe(as *Source) bool {
	return s.Project == as.Project && s.Service == as.Service && s.Incarnation == as.Incarnation &&
		s.Stream == as.Stream && s.Label == as.Label
}

func (s *source) raw() bool { return s.Policy.Format == generation.FormatRaw }

// read brings the next bytes of a pipe whose lines are wanted. Where they
// cannot be spooled, because there is no room for it, they are read into memory
// alone: being exposed to a kill is better than being lost for certain.
func (s *source) read(l *ledger, buf []byte) (int, error) {
	if s.spool == nil {
		if held, err := sys.Buffered(s.fd); err == nil && held > 0 {
			s.spool, _ = l.create(&s.Source)
		}
	}
	if s.spool != nil {
		n, err := s.spool.take(s.fd)
		if err == nil && n > 0 {
			return n, s.reread(buf[:n], s.spool.end-int64(n))
		}
		if err == nil || errors.Is(err, sys.ErrWouldBlock) {
			return 0, err
		}
		s.loosen()
	}
	n, err := sys.Read(s.fd, buf)
	if err == nil {
		s.loose += n
	}
	return n, err
}

// reread reads what is in the spool.
func (s *source) reread(buf []byte, at int64) error {
	n, err := s.spool.file.ReadAt(buf, at)
	if n < len(buf) && err == nil {
		err = io.ErrUnexpectedEOF
	}
	if n == len(buf) {
		err = nil
	}
	return err
}

// loosen keeps what the spool holds, the beginning of a line, in memory alone.
func (s *source) loosen() {
	s.spool.commit(s.spool.end - s.spool.start)
	s.spool.empty()
	s.loose = len(s.partial)
}

// advance says that count more bytes, the oldest ones, are dealt with.
func (s *source) advance(count int) {
	loose := min(count, s.loose)
	s.loose -= loose
	if count > loose && s.spool != nil {
		s.spool.commit(int64(count - loose))
	}
}

// trim follows each batch.
func (s *source) trim() {
	if s.spool != nil && !s.spool.trim() {
		s.loosen()
	}
}

// replay writes what the spool of an earlier process holds.
func (s *source) replay(b *batch, buf []byte) error {
	for at := s.spool.start; at < s.spool.end; {
		n := min(int64(len(buf)), s.spool.end-at)
		if err := s.reread(buf[:n], at); err != nil {
			return err
		}
		at += n
		b.begin(s, time.Now())
		b.feed(buf[:n])
		b.flush()
	}
	s.trim()
	return nil
}
