package store

import "sync"

// Writer saves projects in the background, the newest value of each. It is the
// only writer of its directory.
type Writer struct {
	dir     string
	written func(project string, seq uint64, err error)
	done    chan struct{}

	mu      sync.Mutex
	changed *sync.Cond // of all that follows
	pending map[string]change
	busy    bool
	closing bool

	saved map[string]contents // what is on disk; the goroutine's own
}

// change is what is to become of a project.
type change struct {
	project Project
	remove  bool
	seq     uint64
}

// NewWriter starts a writer of dir. It calls written, from its own goroutine,
// when a change is on disk or could not be put there; with it the changes of
// that project with a smaller seq are settled too, which were never written
// where a newer one overtook them. A failed change is not tried again; the next
// one brings all. written must not block. Close ends the writer.
func NewWriter(dir string, written func(project string, seq uint64, err error)) *Writer {
	w := &Writer{
		dir: dir, written: written, done: make(chan struct{}),
		pending: map[string]change{}, saved: map[string]contents{},
	}
	w.changed = sync.NewCond(&w.mu)
	go w.run()
	return w
}

// Put has project saved. It never blocks, and takes project over: what its maps
// and pointers lead to must not change any more. A larger seq is newer.
func (w *Writer) Put(project Project, seq uint64) {
	w.submit(project.State.Project, change{project: project, seq: seq})
}

// Remove has a project forgotten. It never blocks.
func (w *Writer) Remove(project string, seq uint64) {
	w.submit(project, change{remove: true, seq: seq})
}

func (w *Writer) submit(name string, c change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending[name] = c
	w.changed.Broadcast()
}

// Flush returns when nothing waits to be written.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.busy || len(w.pending) > 0 {
		w.changed.Wait()
	}
}

// Close writes what waits and ends the writer. Nothing may be put after it.
func (w *Writer) Close() {
	w.mu.Lock()
	w.closing = true
	w.changed.Broadcast()
	w.mu.Unlock()
	<-w.done
}

func (w *Writer) run() {
	defer close(w.done)
	sweep(w.dir)
	for {
		name, next, ok := w.take()
		if !ok {
			return
		}
		w.written(name, next.seq, w.carryOut(name, next))
	}
}

// take waits for a change of any project. It is not ok when the writer closes
// and none is left.
func (w *Writer) take() (string, change, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = false
	w.changed.Broadcast()
	for {
		for name, next := range w.pending {
			delete(w.pending, name)
			w.busy = true
			return name, next, true
		}
		if w.closing {
			return "", change{}, false
		}
		w.changed.Wait()
	}
}

func (w *Writer) carryOut(name string, next change) error {
	if next.remove {
		delete(w.saved, name)
		return Remove(w.dir, name)
	}
	had, known := w.saved[name]
	if !known {
		had = nothingKnown
	}
	saved, err := save(w.dir, next.project, had)
	w.saved[name] = saved
	return err
}
