package server

import "sync"

// places bounds how many connections are served at once. In the system's
// instance anybody may connect: root has places of its own, and of the others
// nobody takes more than a quarter.
type places struct {
	total  int
	shared bool // it is the system's instance

	mu    sync.Mutex
	taken map[int]int // by uid
}

// take says whether there is a place for one more connection of uid's.
func (p *places) take(uid int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := 0
	for other, count := range p.taken {
		if (other == 0) == (uid == 0) || !p.shared {
			all += count
		}
	}
	most := p.total
	if p.shared && uid != 0 {
		most = max(p.total/4, 1)
	}
	if all >= p.total || p.taken[uid] >= most {
		return false
	}
	p.taken[uid]++
	return true
}

func (p *places) leave(uid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[uid]--; p.taken[uid] == 0 {
		delete(p.taken, uid)
	}
}
