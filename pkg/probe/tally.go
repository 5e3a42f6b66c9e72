package probe

// Tally remembers how the attempts of a check failed, to say at the end what
// kind of failure it is.
type Tally struct {
	unhealthy bool
	last      Class
}

// Add counts a failed attempt.
func (t *Tally) Add(class Class) {
	t.unhealthy = t.unhealthy || class == Unhealthy
	t.last = class
}

// Class is Unhealthy where any attempt reached the service, else how the last
// one failed.
func (t *Tally) Class() Class {
	if t.unhealthy {
		return Unhealthy
	}
	return t.last
}
