package server

import (
	"context"
	"encoding/json"
	"slices"

	"systemg.org/sysg/pkg/api"
)

// role is what a caller may do: all that is asked of a lower one, and more.
type role string

const (
	nobody   role = "nobody"
	viewer   role = "viewer"   // sees states
	operator role = "operator" // sees output, starts and stops what is installed
	admin    role = "admin"    // everything
)

var roles = []role{nobody, viewer, operator, admin}

// atLeast says whether r includes needed.
func (r role) atLeast(needed role) bool {
	return slices.Index(roles, r) >= slices.Index(roles, needed)
}

// row is one method: who may call it, and what it does.
type row struct {
	needs  role
	handle func(*call) (any, error)
}

// table is all that can be called. What is not in it does not exist.
var table = map[string]row{
	api.MethodGetInfo:        {viewer, getInfo},
	api.MethodGetDescription: {viewer, getDescription},
	api.MethodStatus:         {viewer, status},
	api.MethodInspect:        {viewer, inspect},
	api.MethodEvents:         {viewer, events},
	api.MethodWhy:            {viewer, why},
	api.MethodLogs:           {operator, logs},
	api.MethodClearLogs:      {operator, clearLogs},
	api.MethodStart:          {operator, start},
	api.MethodStop:           {operator, mutation(Supervisor.Stop)},
	api.MethodRestart:        {operator, mutation(Supervisor.Restart)},
	api.MethodShutdown:       {admin, shutdown},
	api.MethodIdentify:       {viewer, identify},
	api.MethodSurvey:         {viewer, survey},
	api.MethodCron:           {viewer, cron},
	api.MethodCronRun:        {operator, mutation(Supervisor.CronRun)},
	api.MethodGenerations:    {viewer, generations},
	api.MethodStanding:       {operator, standing},
	api.MethodForget:         {admin, forget},
}

// call is one call on its way to the supervisor.
type call struct {
	ctx        context.Context
	server     *server
	caller     api.Caller
	who        person
	role       role
	parameters json.RawMessage
	// streams is set where the client takes more than one reply; without it
	// emit is nil.
	streams bool
	emit    func(api.Reply) error
}

// dispatch finds the row and carries the call out, if the role allows it or a
// policy does.
func (c *call) dispatch(method string) (any, error) {
	found, exists := table[method]
	if !exists {
		return nil, &refusal{api.ErrorMethodNotFound, api.Method{Method: method}}
	}
	if !c.role.atLeast(found.needs) {
		if !c.server.granted(c.ctx, c.who, found.needs) {
			return nil, &refusal{api.ErrorDenied, api.Denied{UID: c.caller.UID, Needs: string(found.needs)}}
		}
		c.role = found.needs
	}
	return found.handle(c)
}
