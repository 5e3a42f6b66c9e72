package server

import (
	"context"
	"errors"

	"systemg.org/sysg/pkg/api"
)

// refusal is an error with a name that Varlink clients know.
type refusal struct {
	name       string
	parameters any
}

// Error makes a refusal an error.
func (r *refusal) Error() string { return r.name }

// invalid refuses a call for one of its parameters.
func invalid(parameter string) error {
	return &refusal{api.ErrorInvalidParameter, api.Parameter{Parameter: parameter}}
}

// refusalFrom is the form in which err reaches the client.
func refusalFrom(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	var d *api.Diagnostic
	switch {
	case errors.As(err, &d):
	case errors.Is(err, context.Canceled):
		// The peer is there, or nobody would read this; so it is we who end.
		d = &api.Diagnostic{Code: api.CodeNoSupervisor, Title: "the supervisor is ending"}
	default:
		d = &api.Diagnostic{Code: api.CodeInternal, Title: err.Error()}
	}
	return &refusal{api.ErrorFailed, d}
}

// parameters decodes a call's parameters, strictly.
func parameters[P any](c *call) (p P, err error) {
	if err := api.Decode(c.parameters, &p); err != nil {
		return p, invalid(err.Error())
	}
	return p, nil
}

// mutation is the handler of a method that changes something.
func mutation[P any](
	method func(Supervisor, context.Context, api.Caller, P, func(api.Reply) error) (api.Result, error),
) func(*call) (any, error) {
	return func(c *call) (any, error) {
		p, err := parameters[P](c)
		if err != nil {
			return nil, err
		}
		result, err := method(c.server.supervisor, c.ctx, c.caller, p, c.emit)
		return api.Reply{Result: &result}, err
	}
}

func start(c *call) (any, error) {
	p, err := parameters[api.Start](c)
	if err != nil {
		return nil, err
	}
	if p.Foreground && !c.streams {
		return nil, &refusal{name: api.ErrorExpectedMore}
	}
	return mutation(Supervisor.Start)(c)
}

func shutdown(c *call) (any, error) {
	if _, err := parameters[struct{}](c); err != nil {
		return nil, err
	}
	result, err := c.server.supervisor.Shutdown(c.ctx, c.caller, c.emit)
	return api.Reply{Result: &result}, err
}

func why(c *call) (any, error) {
	p, err := parameters[api.Why](c)
	if err != nil {
		return nil, err
	}
	links, err := c.server.supervisor.Why(c.ctx, c.caller, p)
	if !c.role.atLeast(operator) {
		// It is output, which a viewer does not get to see.
		for i := range links {
			links[i].Evidence = nil
		}
	}
	return api.Reply{Links: links}, err
}

// logs answers with a line a reply, so that it needs a client that takes them;
// the last reply is empty.
func logs(c *call) (any, error) {
	p, err := parameters[api.Logs](c)
	if err != nil {
		return nil, err
	}
	if !c.streams {
		return nil, &refusal{name: api.ErrorExpectedMore}
	}
	return api.Reply{}, c.server.supervisor.Logs(c.ctx, c.caller, p, c.emit)
}

func getInfo(c *call) (any, error) {
	if _, err := parameters[struct{}](c); err != nil {
		return nil, err
	}
	return api.Info{
		Vendor: "systemg.org", Product: "sysgd", Version: c.server.options.Version, URL: "https://systemg.org",
		Interfaces: []string{api.Service, api.Interface},
	}, nil
}

func getDescription(c *call) (any, error) {
	p, err := parameters[api.InterfaceName](c)
	if err != nil {
		return nil, err
	}
	switch p.Interface {
	case api.Interface:
		return api.InterfaceDescription{Description: api.Description}, nil
	case api.Service:
		return api.InterfaceDescription{Description: api.ServiceDescription}, nil
	default:
		return nil, &refusal{api.ErrorInterface, p}
	}
}
