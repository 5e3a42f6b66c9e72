package store

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"systemg.org/sysg/pkg/api"
)

const (
	// journalBytes is the size at which the file is set aside. One old file is
	// kept, so that this is half of what is on disk at most.
	journalBytes = 4 << 20
	// journalQueue bounds what waits for a disk that takes nothing.
	journalQueue = 1 << 16
)

// Journal is what happened to services, an event a line, oldest first:
// PATH.1, then PATH. It is written in the background by one goroutine, in the
// order of Append. An event has a number one higher than the one before, over
// restarts too; a number that is missing was lost to a full disk.
type Journal struct {
	path  string
	limit int64
	done  chan struct{}
	// failed is told of the first of several failures in a row.
	failed func(error)

	mu      sync.Mutex
	changed *sync.Cond // of all that follows
	queue   []api.Event
	last    int // the number of the newest event
	written int // the number of the newest event that is in the file, or lost
	closing bool

	file    *os.File // the goroutine's own, with what follows
	size    int64
	failing bool
}

// OpenJournal begins where the last journal at path ended. failed is called
// from the journal's goroutine. Close ends it.
func OpenJournal(path string, failed func(error)) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("cannot keep a journal: %w", err)
	}
	j := &Journal{path: path, limit: journalBytes, failed: failed, done: make(chan struct{})}
	j.changed = sync.NewCond(&j.mu)
	j.last = lastNumber(path)
	j.written = j.last
	go j.run()
	return j, nil
}

// Append has an event written, and returns its number. It never blocks.
func (j *Journal) Append(event api.Event) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	event.Sequence = j.last
	if len(j.queue) < journalQueue {
		j.queue = append(j.queue, event)
		j.changed.Broadcast()
	}
	return j.last
}

// Last is the number of the newest event, 0 if there never was one.
func (j *Journal) Last() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// settled waits until everything that was appended is written, or lost.
func (j *Journal) settled() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for upTo := j.last; j.written < upTo && !j.closing; {
		j.changed.Wait()
	}
}

// Close writes what waits and ends the journal.
func (j *Journal) Close() {
	j.mu.Lock()
	j.closing = true
	j.changed.Broadcast()
	j.mu.Unlock()
	<-j.done
}

func (j *Journal) run() {
	defer close(j.done)
	for {
		batch, upTo, ok := j.take()
		if !ok {
			break
		}
		j.write(batch)
		j.mu.Lock()
		j.written = upTo
		j.changed.Broadcast()
		j.mu.Unlock()
	}
	if j.file != nil {
		_ = j.file.Close()
	}
}

// take waits for events. It is not ok when the journal closes and none is left.
func (j *Journal) take() (batch []api.Event, upTo int, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.queue) == 0 && j.written == j.last && !j.closing {
		j.changed.Wait()
	}
	batch, j.queue = j.queue, nil
	return batch, j.last, len(batch) > 0 || !j.closing
}

// write puts a batch into the file with one write, so that a death leaves whole
// lines but for the last one.
func (j *Journal) write(batch []api.Event) {
	var text []byte
	for i := range batch {
		line, err := json.Marshal(&batch[i])
		if err != nil {
			panic("bug: an event that does not marshal: " + err.Error())
		}
		text = append(append(text, line...), '\n')
	}
	err := j.room(int64(len(text)))
	if err == nil {
		var n int
		n, err = j.file.Write(text)
		j.size += int64(n)
	}
	if err != nil {
		// Opening it anew mends a line that was written in part.
		_ = j.file.Close()
		j.file = nil
	}
	if err != nil && !j.failing {
		j.failed(fmt.Errorf("cannot write events: %w", err))
	}
	j.failing = err != nil
}

// room opens the file, after setting a full one aside.
func (j *Journal) room(bytes int64) error {
	if j.file != nil && j.size > 0 && j.size+bytes > j.limit {
		_ = j.file.Close()
		j.file = nil
		if err := os.Rename(j.path, j.path+".1"); err != nil {
			return err
		}
	}
	if j.file != nil {
		return nil
	}
	file, err := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return err
	}
	j.file, j.size = file, info.Size()
	return j.mend()
}

// mend ends the line in which a predecessor died: its rest was never written.
func (j *Journal) mend() error {
	if j.size == 0 || endsWithNewline(j.path, j.size) {
		return nil
	}
	n, err := j.file.Write([]byte("\n"))
	j.size += int64(n)
	return err
}
