package logs

import "bytes"

// Watch waits for a line of a run: the first that Match is true for is told to
// Found, and from then on nothing more is asked. The pipes of a run share one.
// Both functions are called from Capture's goroutine, so they must not block;
// what they are given is good only until they return.
type Watch struct {
	Match func(line []byte) bool
	Found func(line []byte)

	over bool
}

// see looks at one line, without its newline.
func (w *Watch) see(line []byte) {
	if w.over || !w.Match(line) {
		return
	}
	w.over = true
	w.Found(line)
}

// lineScanner finds the lines of a stream of bytes for a Watch, where nobody
// else takes the stream apart: the output is discarded, or kept as it is.
type lineScanner struct {
	watch   *Watch
	partial []byte // at most MaxLine bytes
}

// watched is the scanner of a source while its watch is still waiting, else nil.
func (s *source) watched() *lineScanner {
	switch {
	case s.Watch == nil || s.Watch.over:
		s.scanner = nil
	case s.scanner == nil:
		s.scanner = &lineScanner{watch: s.Watch}
	}
	return s.scanner
}

// feed takes the next bytes of the stream. A longer line is seen in pieces, as
// it would be written.
func (l *lineScanner) feed(chunk []byte) {
	for len(chunk) > 0 {
		i := bytes.IndexByte(chunk, '\n')
		if i < 0 {
			break
		}
		l.partial = append(l.partial, chunk[:i]...)
		l.cut()
		l.watch.see(l.partial)
		l.partial, chunk = l.partial[:0], chunk[i+1:]
	}
	l.partial = append(l.partial, chunk...)
	l.cut()
}

func (l *lineScanner) cut() {
	for len(l.partial) > MaxLine {
		cut := splitAt(l.partial)
		l.watch.see(l.partial[:cut])
		l.partial = append(l.partial[:0], l.partial[cut:]...)
	}
}

// end is the end of the stream: an unfinished line is one as well.
func (l *lineScanner) end() {
	if len(l.partial) > 0 {
		l.watch.see(l.partial)
		l.partial = nil
	}
}

// recall looks at what the run wrote before: whoever captured it then may have
// died before the news was anywhere.
func (w *Watch) recall(dir string, s *Source) {
	path, err := logPath(dir, s.Project, s.Service)
	if err != nil || w.over {
		return
	}
	records := authors{path: runsPath(path)}
	if records.refresh(); !records.has(s.Incarnation) {
		return
	}
	for line, err := range History(dir, s.Project, s.Service, Query{Runs: []string{s.Incarnation}}) {
		if err != nil || w.over {
			return
		}
		w.see([]byte(line.Text))
	}
}
