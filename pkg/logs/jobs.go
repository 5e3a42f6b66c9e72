package logs

// do has job done by the goroutine, between two writes. It reports whether that
// will be.
func (c *Capture) do(job func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	c.jobs = append(c.jobs, job)
	c.wake()
	return true
}

// losing counts what is dropped, and tells when that begins.
func (c *Capture) losing(f *logFile, count int, why error) {
	c.mu.Lock()
	c.dropped[f.path] += uint64(count)
	c.mu.Unlock()
	if f.dropped == 0 {
		c.tell(f, 0, why)
	}
}

func (c *Capture) tell(f *logFile, count int, why error) {
	if c.Lost != nil {
		c.Lost(Lost{f.project, f.service, count, f.unit(), cause(why)})
	}
}

// Dropped is how many lines, or raw bytes, of a service were dropped in the life
// of this Capture.
func (c *Capture) Dropped(project, service string) uint64 {
	path, err := logPath(c.Dir, project, service)
	if err != nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped[path]
}
