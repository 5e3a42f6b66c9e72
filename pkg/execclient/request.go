package execclient

import (
	"fmt"
	"slices"
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// installTimeout allows for a slow disk: the answer comes once all is on it.
const installTimeout = time.Minute

// Launch asks for a run; Launched, Failed or Refused follows as an event. An
// error here, as with the other requests, means that none will: either the
// message breaks a rule of package spec, or the connection has ended, which the
// channel of events tells as well.
func (c *Conn) Launch(l spec.Launch) error {
	return c.send(spec.Request{Launch: &l}, question{request: RequestLaunch, incarnation: l.Incarnation})
}

// Signal asks for a signal; Done or Refused follows.
func (c *Conn) Signal(s spec.Signal) error {
	return c.send(spec.Request{Signal: &s}, question{request: RequestSignal, incarnation: s.Incarnation})
}

// Kill asks for the end of an incarnation; Done or Refused follows, and later
// Emptied.
func (c *Conn) Kill(k spec.Kill) error {
	return c.send(spec.Request{Kill: &k}, question{request: RequestKill, incarnation: k.Incarnation})
}

// Ack lets sysg-exec forget incarnations, as many as there are; Done follows,
// once for each spec.MaxAcks of them.
func (c *Conn) Ack(a spec.Ack) error {
	for chunk := range slices.Chunk(a.Incarnations, spec.MaxAcks) {
		err := c.send(spec.Request{Ack: &spec.Ack{Incarnations: chunk}}, question{request: RequestAck})
		if err != nil {
			return err
		}
	}
	return nil
}

// List asks for everything there is; a Listed for each and one with Last
// follow. From then on this connection gets Exited and Emptied.
func (c *Conn) List() error {
	return c.send(spec.Request{List: &spec.List{}}, question{request: RequestList})
}

// Quit asks sysg-exec to end; Done or Refused follows.
func (c *Conn) Quit() error {
	return c.send(spec.Request{Quit: &spec.Quit{}}, question{request: RequestQuit})
}

// Install sends g, and waits until it is the active generation of its project.
func (c *Conn) Install(g *generation.Generation) (spec.Installed, error) {
	return c.install(g, installTimeout)
}

func (c *Conn) install(g *generation.Generation, timeout time.Duration) (spec.Installed, error) {
	installed, err := c.askInstall(g, timeout)
	if err != nil {
		return spec.Installed{}, fmt.Errorf("cannot install project %q: %w", g.Supervise.Project, err)
	}
	return installed, nil
}

func (c *Conn) askInstall(g *generation.Generation, timeout time.Duration) (spec.Installed, error) {
	text, err := generation.Encode(g)
	if err != nil {
		return spec.Installed{}, err
	}
	memFD, err := sys.SealedMemfd("sysg-generation", text)
	if err != nil {
		return spec.Installed{}, err
	}
	answer := make(chan spec.Reply, 1)
	if err := c.send(spec.Request{Install: &spec.Install{}}, question{request: RequestInstall, answer: answer}, memFD); err != nil {
		return spec.Installed{}, err
	}
	reply, err := c.await(answer, timeout)
	if err != nil {
		return spec.Installed{}, err
	}
	installed := *reply.Installed
	if installed.Project != g.Supervise.Project || installed.Hash != g.Supervise.Hash {
		return spec.Installed{}, protocolError("it installed another generation than the one sent")
	}
	return installed, nil
}

// await waits for the answer to one request.
func (c *Conn) await(answer <-chan spec.Reply, timeout time.Duration) (spec.Reply, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case reply := <-answer:
		return reply, failure(&reply)
	case <-timer.C:
		return spec.Reply{}, errNoAnswer
	case <-c.ended:
	}
	// The answer may have come just before the end.
	select {
	case reply := <-answer:
		return reply, failure(&reply)
	default:
		return spec.Reply{}, c.err
	}
}
