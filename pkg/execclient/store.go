package execclient

import (
	"fmt"
	"time"

	"systemg.org/sysg/pkg/spec"
)

// Activate asks for an earlier generation as a new one; Installed or Refused
// follows.
func (c *Conn) Activate(a spec.Activate) error {
	return c.send(spec.Request{Activate: &a}, question{request: RequestActivate, project: a.Project})
}

// Remove asks for the end of a project that has stopped; Done or Refused
// follows.
func (c *Conn) Remove(r spec.Remove) error {
	return c.send(spec.Request{Remove: &r}, question{request: RequestRemove, project: r.Project})
}

// AwaitActivate is Activate, and waits for the answer.
func (c *Conn) AwaitActivate(a spec.Activate) (spec.Installed, error) {
	reply, err := c.ask(spec.Request{Activate: &a}, RequestActivate, installTimeout)
	if err != nil {
		return spec.Installed{}, fmt.Errorf("cannot go back to generation %d of project %q: %w", a.Number, a.Project, err)
	}
	return *reply.Installed, nil
}

// AwaitRemove is Remove, and waits for the answer.
func (c *Conn) AwaitRemove(r spec.Remove) error {
	if _, err := c.ask(spec.Request{Remove: &r}, RequestRemove, installTimeout); err != nil {
		return fmt.Errorf("cannot remove project %q: %w", r.Project, err)
	}
	return nil
}

// ask sends one request and waits for its answer.
func (c *Conn) ask(request spec.Request, kind Request, timeout time.Duration) (spec.Reply, error) {
	answer := make(chan spec.Reply, 1)
	if err := c.send(request, question{request: kind, answer: answer}); err != nil {
		return spec.Reply{}, err
	}
	return c.await(answer, timeout)
}
