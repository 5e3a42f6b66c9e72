package server

import (
	"systemg.org/sysg/pkg/api"
)

// status answers once, or again and again where the caller asks for that.
func status(c *call) (any, error) {
	p, err := parameters[api.Status](c)
	if err != nil {
		return nil, err
	}
	switch {
	case p.StreamMillis < 0:
		return nil, invalid("stream_ms")
	case p.StreamMillis > 0 && !c.streams:
		return nil, &refusal{name: api.ErrorExpectedMore}
	case p.StreamMillis > 0:
		return api.Reply{}, c.server.supervisor.Watch(c.ctx, c.caller, p, c.emit)
	}
	snapshot, err := c.server.supervisor.Status(c.ctx, c.caller, p)
	return api.Reply{Snapshot: &snapshot}, err
}

// inspect is status for one service in full. Without a stream it emits nothing
// and answers at the end.
func inspect(c *call) (any, error) {
	p, err := parameters[api.Inspect](c)
	if err != nil {
		return nil, err
	}
	switch {
	case p.StreamMillis < 0:
		return nil, invalid("stream_ms")
	case p.StreamMillis > 0 && !c.streams:
		return nil, &refusal{name: api.ErrorExpectedMore}
	}
	inspection, err := c.server.supervisor.Inspect(c.ctx, c.caller, p, c.emit)
	return api.Reply{Inspection: &inspection}, err
}

// events answers with an event a reply, so that it needs a client that takes
// them; the last reply is empty.
func events(c *call) (any, error) {
	p, err := parameters[api.Events](c)
	if err != nil {
		return nil, err
	}
	if !c.streams {
		return nil, &refusal{name: api.ErrorExpectedMore}
	}
	return api.Reply{}, c.server.supervisor.Events(c.ctx, c.caller, p, c.emit)
}
