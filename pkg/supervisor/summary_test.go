package supervisor

import (
	"sync"
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
)

// manager is a service manager that remembers.
type manager struct {
	mu       sync.Mutex
	line     string
	alive    int
	patience time.Duration
}

func (m *manager) Summary(line string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.line = line
}

func (m *manager) Alive() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.alive++
}

func (m *manager) Patience() time.Duration { return m.patience }

func (m *manager) heard() (line string, alive int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.line, m.alive
}

func TestTheManagerHearsWhatThereIs(t *testing.T) {
	tell(t, func(s *story) {
		hears := func(want string) {
			s.Helper()
			s.sleep(summaryPause)
			line, _ := s.manager.heard()
			s.want("the manager hears", line, want)
		}
		hears("0 services")
		s.store.put(plain("api"), plain("db", policy(generation.Never)))
		s.begin()
		hears("2 services")
		s.helper.crash("db", code3)
		hears("2 services, 1 failed")
		s.unreachable.Store(true)
		s.breaks(func() {})
		hears("2 services, 1 failed; sysg-exec does not answer")
	})
}

// Without a watchdog nobody is woken for it; with one, each half of its time.
func TestTheLoopIsTheWatchdogsProof(t *testing.T) {
	tell(t, func(s *story) {
		s.sleep(time.Hour)
		if _, alive := s.manager.heard(); alive != 0 {
			t.Errorf("told %d times that it is alive", alive)
		}
		s.manager.patience = 2 * time.Second
		s.dies()
		s.supervise()
		s.sleep(10 * time.Second)
		if _, alive := s.manager.heard(); alive != 11 {
			t.Errorf("told %d times in ten seconds", alive)
		}
	})
}
