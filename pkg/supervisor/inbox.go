package supervisor

import "sync"

// inbox is how other goroutines reach the loop. Posting never blocks, so the
// log capture and the state writer cannot be held up by a busy supervisor, nor
// it by them.
type inbox struct {
	ready chan struct{}
	mu    sync.Mutex
	queue []func()
}

func newInbox() *inbox { return &inbox{ready: make(chan struct{}, 1)} }

// post has f run by the loop, in the order of posting.
func (i *inbox) post(f func()) {
	i.mu.Lock()
	i.queue = append(i.queue, f)
	i.mu.Unlock()
	select {
	case i.ready <- struct{}{}:
	default:
	}
}

// run runs what has been posted.
func (i *inbox) run() {
	i.mu.Lock()
	queue := i.queue
	i.queue = nil
	i.mu.Unlock()
	for _, f := range queue {
		f()
	}
}
