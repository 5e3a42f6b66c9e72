package grant

import (
	"fmt"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/spec"
)

// told are the roles that are told of an event: the hooks, and the stop command,
// which has to know whom to stop.
var told = []spec.Role{spec.RoleOnStart, spec.RoleOnErr, spec.RoleOnStop, spec.RoleOnExit, spec.RoleStop}

// slotted are the roles that cannot run without knowing their slot, where the
// service has slots.
var slotted = []spec.Role{spec.RoleMain, spec.RoleCandidate, spec.RoleSwitch, spec.RoleVerify}

// templated are the roles whose arguments name the slots.
var templated = []spec.Role{spec.RoleCandidate, spec.RoleSwitch, spec.RoleVerify}

// fill puts the few values that vary at run time into what is granted. Each is
// one of those that the generation declares, or a number of a fixed set of
// variables; none is text of the caller's.
func (g *Granted) fill(request spec.Launch) error {
	service := &g.Service
	declared := service.Slots[0] != ""
	switch {
	case request.Event != nil && !slices.Contains(told, request.Role):
		return refuse(spec.ReasonUnknown, "the role %s is told of no event", request.Role)
	case request.Slot != nil && !declared:
		return refuse(spec.ReasonUnknown, "service %q has no slots", service.Name)
	case request.Slot == nil && declared && slices.Contains(slotted, request.Role):
		return refuse(spec.ReasonUnknown, "the role %s of service %q needs its slot", request.Role, service.Name)
	}
	if request.Slot != nil {
		g.fillSlot(request.Role, service.Slots[*request.Slot], service.Slots[1-*request.Slot])
	}
	if request.Role == spec.RolePreStart {
		g.Vars = append(g.Vars, "SYSG_SERVICE_NAME="+service.Name)
	}
	g.Vars = append(g.Vars, eventVars(request.Event)...)
	return nil
}

// fillSlot is for a process that is meant for one slot, while the other one is
// the active one.
func (g *Granted) fillSlot(role spec.Role, slot, active string) {
	if g.Service.SlotVar != "" {
		g.Vars = append(g.Vars, g.Service.SlotVar+"="+slot)
	}
	if !slices.Contains(templated, role) {
		return
	}
	g.Vars = append(g.Vars, "SYSG_ACTIVE_SLOT="+active, "SYSG_CANDIDATE_SLOT="+slot, "SYSG_SERVICE_NAME="+g.Service.Name)
	replace := strings.NewReplacer(
		"{slot}", slot, "{candidate_slot}", slot, "{active_slot}", active, "{service_name}", g.Service.Name)
	argv := make([]string, len(g.Argv)) // The store's own must stay as it is.
	for i, arg := range g.Argv {
		argv[i] = replace.Replace(arg)
	}
	g.Argv = argv
}

// eventVars are what such a role is told.
func eventVars(event *spec.Event) []string {
	if event == nil {
		return nil
	}
	vars := []string{"SYSG_EVENT=" + event.Name}
	number := func(name string, value int, told bool) {
		if told {
			vars = append(vars, fmt.Sprintf("%s=%d", name, value))
		}
	}
	number("SYSG_PID", event.PID, event.PID != 0)
	if event.ExitCode != nil {
		number("SYSG_EXIT_CODE", *event.ExitCode, true)
	}
	number("SYSG_SIGNAL", event.Signal, event.Signal != 0)
	number("SYSG_ATTEMPT", event.Attempt, event.Attempt != 0)
	return vars
}
