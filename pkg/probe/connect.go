package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"systemg.org/sysg/pkg/generation"
)

// Class sorts the attempts that failed.
type Class string

// The classes.
const (
	Unreached Class = "unreached" // nobody is there
	TimedOut  Class = "timed_out" // no answer within the attempt's time
	Unhealthy Class = "unhealthy" // it answered, and not well
)

// Answer is what one attempt found.
type Answer struct {
	Passed bool
	// Class is that of a failure.
	Class Class
	// Text says in a few words what happened, to follow the name of the check.
	Text string
}

// Connect makes one attempt of a check that is an address. ctx bounds it.
func Connect(ctx context.Context, check generation.Probe) Answer {
	switch {
	case check.URL != "":
		return get(ctx, check.URL)
	case check.TCP != "":
		return reach(ctx, "tcp", check.TCP)
	}
	return reach(ctx, "unix", check.Unix)
}

// reach passes where somebody accepts a connection.
func reach(ctx context.Context, network, address string) Answer {
	conn, err := dial(ctx, network, address)
	if err != nil {
		return unreached(ctx, err)
	}
	_ = conn.Close()
	return Answer{Passed: true, Text: "accepts connections"}
}

// dial connects. A path may be that of a socket which keeps messages apart.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if network == "unix" && errors.Is(err, syscall.EPROTOTYPE) {
		conn, err = dialer.DialContext(ctx, "unixpacket", address)
	}
	return conn, err
}

// unreached is the answer where no connection came to be.
func unreached(ctx context.Context, err error) Answer {
	if late(ctx, err) {
		return Answer{Class: TimedOut, Text: "got no connection in time"}
	}
	return Answer{Class: Unreached, Text: fmt.Sprintf("could not connect: %v", bottom(err))}
}

func late(ctx context.Context, err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded)
}

// bottom leaves out what the reader knows already: who was dialled from where.
func bottom(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return err
}
