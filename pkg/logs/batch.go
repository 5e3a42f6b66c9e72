package logs

import (
	"bytes"
	"time"
)

// outSize holds the lines of one read of readSize where they are of ordinary
// length; more of them take a second write.
const (
	readSize = 64 << 10
	outSize  = 256 << 10
)

// batch turns what one read brought into lines. Its buffers are used over and
// over, for all pipes.
type batch struct {
	source *source
	file   *logFile
	now    time.Time
	// used is how many bytes of the source became lines in out.
	used   int
	prefix []byte
	out    []byte // finished lines, not written yet
	entry  []byte // one for journald
	joined []byte // a line that began in an earlier read
}

func newBatch() *batch {
	return &batch{out: make([]byte, 0, outSize)}
}

// begin prepares for lines of s, read at now.
func (b *batch) begin(s *source, now time.Time) {
	b.source, b.file, b.now = s, s.file, now
	b.prefix = appendPrefix(b.prefix[:0], now, s.Stream, s.Label)
	// Opened first for its size. If that fails, put finds out again and counts.
	b.file.use(false)
	if !s.journal {
		_ = b.file.open()
	}
}

// feed takes what was read from the source. An unfinished line waits there.
func (b *batch) feed(chunk []byte) {
	s := b.source
	for len(chunk) > 0 {
		line, finished := chunk, false
		if i := bytes.IndexByte(chunk, '\n'); i >= 0 {
			line, chunk, finished = chunk[:i], chunk[i+1:], true
		} else {
			chunk = nil
		}
		if len(s.partial) > 0 {
			b.joined = append(append(b.joined[:0], s.partial...), line...)
			line, s.partial = b.joined, s.partial[:0]
		}
		for len(line) > MaxLine {
			cut := splitAt(line)
			b.add(line[:cut], SplitMark, cut)
			line = line[cut:]
		}
		if finished {
			b.add(line, "", len(line)+1)
		} else {
			s.partial = append(s.partial, line...)
		}
	}
}

// finish takes the unfinished line as it is, with mark at its end.
func (b *batch) finish(mark string) {
	if s := b.source; len(s.partial) > 0 {
		b.add(s.partial, mark, len(s.partial))
		s.partial = nil
	}
}

// add formats one line, which took used bytes of the source. It rotates the
// file before a line that does not fit.
func (b *batch) add(text []byte, mark string, used int) {
	if w := b.source.Watch; w != nil {
		w.see(text)
	}
	if b.source.journal && b.sendLine(text, mark, used) {
		return
	}
	size := len(b.prefix) + len(text) + len(mark) + 1
	if len(b.out)+size > cap(b.out) {
		b.flush()
	}
	if b.file.size+int64(len(b.out)+size) > b.file.limit {
		b.flush()
		if f := b.file; f.handle != nil && f.size > 0 && f.size+int64(size) > f.limit {
			f.rotate()
		}
	}
	b.out = append(b.out, b.prefix...)
	b.out = append(b.out, text...)
	b.out = append(b.out, mark...)
	b.out = append(b.out, '\n')
	b.used += used
}

// flush writes the finished lines. They are written, or counted as dropped,
// from the moment of advance on; a death before it takes them back.
func (b *batch) flush() {
	if len(b.out) == 0 {
		return
	}
	b.file.put(b.out, b.now, b.source.Incarnation, b.source.spool)
	b.source.advance(b.used)
	if b.source.spool != nil {
		b.source.spool.ledger.disarm()
	}
	b.out, b.used = b.out[:0], 0
}
