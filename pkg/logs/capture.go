package logs

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/sys"
)

// wakeKey is the eventfd's key in the epoll instance; sources begin above it.
const wakeKey = 0

// Capture moves what services write from their pipes to their files.
type Capture struct {
	Options
	epoll  *sys.Epoll
	wakeFD int
	done   chan struct{}

	mu      sync.Mutex // guards what follows; the rest is the goroutine's
	arrived []Source
	jobs    []func()
	closing bool
	dropped map[string]uint64 // lines or raw bytes in all, by path
	away    error             // why journald does not take lines, nil while it does

	journalAfter time.Time // when to try it again

	ledger  *ledger
	buf     []byte
	batch   *batch
	sources map[uint64]*source
	lastKey uint64
	files   map[string]*logFile // by path
}

// New starts to capture. Close ends it.
func New(options Options) (*Capture, error) {
	c := &Capture{
		Options: options, done: make(chan struct{}), lastKey: wakeKey, dropped: map[string]uint64{},
		buf: make([]byte, readSize), batch: newBatch(),
		sources: map[uint64]*source{}, files: map[string]*logFile{},
	}
	if err := c.begin(); err != nil {
		return nil, fmt.Errorf("cannot capture logs: %w", err)
	}
	go c.run()
	return c, nil
}

func (c *Capture) begin() error {
	epoll, err := sys.NewEpoll()
	if err != nil {
		return err
	}
	wakeFD, err := sys.NewEventfd()
	if err != nil {
		return errors.Join(err, epoll.Close())
	}
	err = epoll.Add(wakeFD, sys.Readable, wakeKey)
	if err == nil {
		c.ledger, err = openLedger(c.Spool, c.Dir)
	}
	if err != nil {
		sys.CloseAll([]int{wakeFD})
		return errors.Join(err, epoll.Close())
	}
	c.epoll, c.wakeFD = epoll, wakeFD
	return nil
}

// Attach captures another pipe. It never blocks. After Close it only closes
// the pipe.
func (c *Capture) Attach(s Source) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		_ = s.Pipe.Close()
		return
	}
	c.arrived = append(c.arrived, s)
	c.wake()
}

// Close writes what the pipes hold at this moment and ends the capture. What
// comes later stays in the pipes, for whoever else holds them, and the beginning
// of a line stays in the spool, for the next Capture that is given its pipe. From
// then on drained is not called.
func (c *Capture) Close() {
	c.mu.Lock()
	c.closing = true
	c.wake()
	c.mu.Unlock()
	<-c.done
}

// wake needs mu, since the goroutine closes the descriptor under it.
func (c *Capture) wake() {
	if c.wakeFD < 0 {
		return
	}
	if err := sys.Signal(c.wakeFD); err != nil {
		panic("bug: an eventfd that cannot be signalled: " + err.Error())
	}
}

func (c *Capture) run() {
	defer close(c.done)
	var ready []sys.Ready
	for {
		var err error
		if ready, err = c.epoll.Wait(ready[:0], -1); err != nil {
			panic("bug: epoll instance cannot be waited on: " + err.Error())
		}
		for _, r := range ready {
			if r.Key == wakeKey {
				if c.admit() {
					c.end()
					return
				}
			} else if s := c.sources[r.Key]; s != nil {
				c.pump(r.Key, s)
			}
		}
	}
}

// admit takes over the pipes that have arrived, and reports whether to end.
func (c *Capture) admit() (closing bool) {
	c.mu.Lock()
	_ = sys.Drain(c.wakeFD)
	arrived, jobs := c.arrived, c.jobs
	c.arrived, c.jobs, closing = nil, nil, c.closing
	c.mu.Unlock()
	for _, a := range arrived {
		if err := c.open(a); err != nil {
			c.report(a, err)
		}
	}
	for _, job := range jobs {
		job()
	}
	return closing
}

// open begins to read a pipe.
func (c *Capture) open(a Source) error {
	path, err := logPath(c.Dir, a.Project, a.Service)
	if err != nil {
		return errors.Join(err, a.Pipe.Close())
	}
	fd, err := sys.Detach(a.Pipe)
	if err != nil {
		return err
	}
	if err := c.epoll.Add(fd, sys.Readable, c.lastKey+1); err != nil {
		sys.CloseAll([]int{fd})
		return err
	}
	c.lastKey++
	a.Pipe = nil
	s := &source{Source: a, fd: fd}
	c.sources[c.lastKey] = s
	if a.Policy.Sink != generation.SinkNone {
		s.file = c.file(path, &a)
	}
	if a.Policy.Sink == generation.SinkJournal {
		s.journal, s.Policy.Format = true, generation.FormatText // what journald takes is lines
	}
	if s.Watch != nil {
		s.Watch.recall(c.Dir, &s.Source)
	}
	c.inherit(s)
	return nil
}

// file is the one file of a service, for one more source.
func (c *Capture) file(path string, s *Source) *logFile {
	f := c.files[path]
	if f == nil {
		f = &logFile{path: path, capture: c, project: s.Project, service: s.Service}
		c.files[path] = f
	}
	f.setPolicy(s.Policy)
	f.sources++
	return f
}

// pump reads a pipe once, so that a service that writes without end does not
// keep the others waiting. It reports whether there may be more.
func (c *Capture) pump(key uint64, s *source) (more bool) {
	n, err := c.move(s)
	switch {
	case errors.Is(err, sys.ErrWouldBlock):
		return false
	case err != nil || n == 0:
		c.retire(key, s)
		c.report(s.Source, err)
		return false
	}
	return true
}

// move brings what a pipe holds to where it belongs.
func (c *Capture) move(s *source) (n int, err error) {
	switch {
	case s.file == nil:
		n, err = sys.Read(s.fd, c.buf)
		if scanner := s.watched(); scanner != nil && n > 0 {
			scanner.feed(c.buf[:n])
		}
		return n, err
	case s.raw():
		return s.splice(c.buf)
	}
	if n, err = s.read(c.ledger, c.buf); n == 0 || err != nil {
		return n, err
	}
	c.batch.begin(s, time.Now())
	c.batch.feed(c.buf[:n])
	c.batch.flush()
	s.trim()
	return n, nil
}

// inherit goes on with the spool that the last process left of this pipe.
func (c *Capture) inherit(s *source) {
	spool, _, err := c.ledger.claim(func(of Source) bool { return of.samePipe(&s.Source) })
	if err != nil && s.file != nil {
		s.file.drop(1, err)
	}
	if spool == nil {
		return
	}
	s.spool = spool
	c.replay(s)
	if s.file == nil || s.raw() {
		c.finish(s, "")
	}
}

// salvage writes what the last process left of pipes that nobody handed over:
// both daemons died. It waits until the end, since a pipe may come late, and
// does nothing in a life in which no pipe came.
func (c *Capture) salvage() {
	for c.lastKey > wakeKey {
		spool, of, err := c.ledger.claim(func(Source) bool { return true })
		if err != nil {
			continue // The next process tries again.
		}
		if spool == nil {
			return
		}
		s := &source{Source: of, spool: spool}
		if path, err := logPath(c.Dir, of.Project, of.Service); err == nil {
			s.file = c.file(path, &s.Source)
			c.replay(s)
			c.finish(s, SplitMark)
			c.release(s.file)
		}
	}
}

// replay counts on the file being nil where output is discarded.
func (c *Capture) replay(s *source) {
	if s.file == nil {
		return
	}
	if err := s.replay(c.batch, c.buf); err != nil {
		s.file.drop(1, err)
	}
}

// finish writes a line that the source ended in the middle of, and ends its
// spool.
func (c *Capture) finish(s *source, mark string) {
	if len(s.partial) > 0 && s.file != nil {
		c.batch.begin(s, time.Now())
		c.batch.finish(mark)
		c.batch.flush()
	}
	if scanner := s.watched(); scanner != nil {
		scanner.end()
	}
	if s.spool != nil {
		s.spool.remove()
		s.spool = nil
	}
}

// retire forgets a pipe that is at its end.
func (c *Capture) retire(key uint64, s *source) {
	c.finish(s, "")
	c.forget(key, s)
}

func (c *Capture) forget(key uint64, s *source) {
	_ = c.epoll.Remove(s.fd)
	sys.CloseAll([]int{s.fd})
	delete(c.sources, key)
	if s.file != nil {
		c.release(s.file)
	}
}

// release closes a file that no pipe feeds. One that owes a report of dropped
// lines is remembered, for the service's next incarnation.
func (c *Capture) release(f *logFile) {
	if f.sources--; f.sources > 0 {
		return
	}
	if f.dropped > 0 {
		f.put(nil, time.Now(), "", nil)
	}
	f.close()
	if f.dropped == 0 {
		delete(c.files, f.path)
	}
}

func (c *Capture) report(s Source, err error) {
	c.mu.Lock()
	closing := c.closing
	c.mu.Unlock()
	if !closing {
		c.Drained(Drained{s.Project, s.Service, s.Incarnation, s.Stream, s.Label, err})
	}
}

// leave hands a pipe over to the next reader. That writes the rest of a line of
// which the beginning is not in the spool.
func (c *Capture) leave(key uint64, s *source) {
	if s.loose > 0 || s.spool != nil && s.spool.start == s.spool.end {
		c.finish(s, SplitMark)
	}
	if s.spool != nil {
		s.spool.close()
	}
	c.forget(key, s)
}

// end empties the pipes and closes everything. A pipe is read no further than
// the largest one holds (pipe-max-size, pipe(7)), since its writer may go on.
func (c *Capture) end() {
	for key, s := range c.sources {
		for left := 1 << 20; left > 0 && c.pump(key, s); left -= readSize {
		}
		if c.sources[key] != nil {
			c.leave(key, s)
		}
	}
	c.salvage()
	_ = c.ledger.close()
	c.mu.Lock()
	sys.CloseAll([]int{c.wakeFD})
	c.wakeFD = -1
	c.mu.Unlock()
	_ = c.epoll.Close()
}
