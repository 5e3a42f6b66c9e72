package plan

import "systemg.org/sysg/pkg/machine"

// Busy counts the services that are on their way up: released, and not ready
// yet.
func Busy(graph Graph) int {
	busy := 0
	for _, node := range graph {
		if OnItsWay(node.State) {
			busy++
		}
	}
	return busy
}

// OnItsWay are the states between a release and being ready.
func OnItsWay(state machine.State) bool {
	return state == machine.Preparing || state == machine.Launching || state == machine.Starting
}

// Gate leaves out releases for which there is no room, in order, and returns
// how many there were: start.max_concurrent bounds how many services are on
// their way up. A room below 0 is no bound.
func Gate(actions []Action, room int) (allowed []Action, held int) {
	if room < 0 {
		return actions, 0
	}
	for _, action := range actions {
		if action.Event == machine.Release {
			if room == 0 {
				held++
				continue
			}
			room--
		}
		allowed = append(allowed, action)
	}
	return allowed, held
}
