package supervisor

import (
	"sync"
	"sync/atomic"
	"time"
)

// wall is a real clock that a story can set. Its time passes with the bubble's.
type wall struct {
	mu    sync.Mutex
	ahead time.Duration // of the bubble's clock
	at    time.Time
	timer *time.Timer
	rang  chan struct{}
	rings atomic.Int32
}

func newWall() *wall { return &wall{rang: make(chan struct{}, 1)} }

func (w *wall) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now()
}

func (w *wall) now() time.Time { return time.Now().Round(0).Add(w.ahead).UTC() }

func (w *wall) Rang() <-chan struct{} { return w.rang }

func (w *wall) Alarm(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = at
	w.arm()
}

func (w *wall) arm() {
	if w.timer != nil {
		w.timer.Stop()
	}
	if !w.at.IsZero() {
		w.timer = time.AfterFunc(w.at.Sub(w.now()), w.ring)
	}
}

func (w *wall) ring() {
	w.rings.Add(1)
	select {
	case w.rang <- struct{}{}:
	default:
	}
}

// set puts the clock forward, or back.
func (w *wall) set(by time.Duration) {
	w.mu.Lock()
	w.ahead += by
	w.arm()
	w.mu.Unlock()
	w.ring()
}
