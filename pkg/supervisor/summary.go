package supervisor

import (
	"fmt"
	"time"
)

// shortly is what the service manager is told of us.
type shortly struct {
	to Manager
	// said is the last line, stale that it may be wrong by now, and again when
	// the next may be said.
	said  string
	stale bool
	again time.Time
	// alive is when it is told next that we turn.
	alive time.Time
}

// summaryPause is the least time between two lines: each goes to the service
// manager and over its bus, and a start of many services changes it as often.
const summaryPause = time.Second

// summarize is a turn of the loop, and so the proof that it turns.
func (s *Supervisor) summarize() {
	m, now := &s.shortly, time.Now()
	if patience := m.to.Patience(); patience > 0 {
		if !now.Before(m.alive) {
			m.alive = now.Add(patience / 2)
			m.to.Alive()
		}
		s.wakeAt(m.alive)
	}
	switch {
	case !m.stale:
	case now.Before(m.again):
		s.wakeAt(m.again)
	default:
		m.stale, m.again = false, now.Add(summaryPause)
		if line := s.line(); line != m.said {
			m.said = line
			m.to.Summary(line)
		}
	}
}

// line is for example "12 services, 1 failed, 2 under way".
func (s *Supervisor) line() string {
	var all, failed, coming int
	for _, p := range s.projects {
		for _, name := range p.names {
			all++
			switch state := p.services[name].state; {
			case failing(state):
				failed++
			case !state.Settled():
				coming++
			}
		}
	}
	line := fmt.Sprintf("%d services", all)
	if all == 1 {
		line = "1 service"
	}
	if failed > 0 {
		line += fmt.Sprintf(", %d failed", failed)
	}
	if coming > 0 {
		line += fmt.Sprintf(", %d under way", coming)
	}
	if !s.connected {
		line += "; sysg-exec does not answer"
	}
	return line
}

// Turn returns once the loop has turned, or has ended.
func (s *Supervisor) Turn() {
	turned := make(chan struct{})
	s.inbox.post(func() { close(turned) })
	select {
	case <-turned:
	case <-s.life.Done():
	}
}
