package logs

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/sys"
)

// Source is one pipe to capture.
type Source struct {
	Project, Service string
	// Incarnation is the run that writes into the pipe.
	Incarnation string
	// Stream is Stdout or Stderr.
	Stream string
	// Label marks the lines of a command that is not the service itself.
	Label string
	// Pipe is the read end; Attach takes it over.
	Pipe   *os.File
	Policy generation.Logs
}

// Drained says that a pipe is closed for good: all of it is in the file.
type Drained struct {
	Project, Service, Incarnation, Stream, Label string
	// Err is why the pipe could not be read to its end, nil if it was.
	Err error
}

// wakeKey is the eventfd's key in the epoll instance; sources begin above it.
const wakeKey = 0

// Capture moves what services write from their pipes to their files.
type Capture struct {
	dir     string
	drained func(Drained)
	epoll   *sys.Epoll
	wakeFD  int
	done    chan struct{}

	mu      sync.Mutex // guards what follows; the rest is the goroutine's
	arrived []Source
	closing bool

	buf     []byte
	batch   *batch
	sources map[uint64]*source
	lastKey uint64
	files   map[string]*logFile // by path
}

// source is a pipe that is being read.
type source struct {
	Source
	fd      int
	file    *logFile // nil where the output is discarded
	partial []byte   // the beginning of a line, at most MaxLine bytes
}

// New starts to capture into dir. It calls drained, from its own goroutine, for
// each pipe that comes to its end; drained must not block. Close ends it.
func New(dir string, drained func(Drained)) (*Capture, error) {
	epoll, err := sys.NewEpoll()
	if err != nil {
		return nil, fmt.Errorf("cannot capture logs: %w", err)
	}
	wakeFD, err := sys.NewEventfd()
	if err != nil {
		return nil, fmt.Errorf("cannot capture logs: %w", errors.Join(err, epoll.Close()))
	}
	if err := epoll.Add(wakeFD, sys.Readable, wakeKey); err != nil {
		sys.CloseAll([]int{wakeFD})
		return nil, fmt.Errorf("cannot capture logs: %w", errors.Join(err, epoll.Close()))
	}
	c := &Capture{
		dir: dir, drained: drained, epoll: epoll, wakeFD: wakeFD,
		done: make(chan struct{}), lastKey: wakeKey,
		buf: make([]byte, readSize), batch: newBatch(),
		sources: map[uint64]*source{}, files: map[string]*logFile{},
	}
	go c.run()
	return c, nil
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
// comes later stays in the pipes, for whoever else holds them. From then on
// drained is not called.
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
	arrived := c.arrived
	c.arrived, closing = nil, c.closing
	c.mu.Unlock()
	for _, a := range arrived {
		if err := c.open(a); err != nil {
			c.report(a, err)
		}
	}
	return closing
}

// open begins to read a pipe.
func (c *Capture) open(a Source) error {
	path, err := logPath(c.dir, a.Project, a.Service)
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
	if a.Policy.Sink != generation.SinkNone {
		s.file = c.file(path, a.Policy)
	}
	c.sources[c.lastKey] = s
	return nil
}

// file is the one file of a service, for one more source.
func (c *Capture) file(path string, policy generation.Logs) *logFile {
	f := c.files[path]
	if f == nil {
		f = &logFile{path: path}
		c.files[path] = f
	}
	f.setPolicy(policy)
	f.sources++
	return f
}

// pump reads a pipe once, so that a service that writes without end does not
// keep the others waiting. It reports whether there may be more.
func (c *Capture) pump(key uint64, s *source) (more bool) {
	n, err := sys.Read(s.fd, c.buf)
	switch {
	case errors.Is(err, sys.ErrWouldBlock):
		return false
	case err != nil || n == 0:
		c.retire(key, s, "")
		c.report(s.Source, err)
		return false
	}
	if s.file != nil {
		c.batch.begin(s, time.Now())
		c.batch.feed(s, c.buf[:n])
		c.batch.flush()
	}
	return true
}

// retire forgets a pipe, after the line that it ended in the middle of.
func (c *Capture) retire(key uint64, s *source, mark string) {
	_ = c.epoll.Remove(s.fd)
	sys.CloseAll([]int{s.fd})
	delete(c.sources, key)
	if s.file == nil {
		return
	}
	if len(s.partial) > 0 {
		c.batch.begin(s, time.Now())
		c.batch.finish(s, mark)
		c.batch.flush()
	}
	c.release(s.file)
}

// release closes a file that no pipe feeds. One that owes a report of dropped
// lines is remembered, for the service's next incarnation.
func (c *Capture) release(f *logFile) {
	if f.sources--; f.sources > 0 {
		return
	}
	if f.dropped > 0 {
		f.put(nil, time.Now())
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
		c.drained(Drained{s.Project, s.Service, s.Incarnation, s.Stream, s.Label, err})
	}
}

// end empties the pipes and closes everything. A pipe is read no further than
// the largest one holds (pipe-max-size, pipe(7)), since its writer may go on.
func (c *Capture) end() {
	for key, s := range c.sources {
		for left := 1 << 20; left > 0 && c.pump(key, s); left -= readSize {
		}
		if c.sources[key] != nil {
			// Its next reader writes the rest of an unfinished line.
			c.retire(key, s, SplitMark)
		}
	}
	c.mu.Lock()
	sys.CloseAll([]int{c.wakeFD})
	c.wakeFD = -1
	c.mu.Unlock()
	_ = c.epoll.Close()
}
