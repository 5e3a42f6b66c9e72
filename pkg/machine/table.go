package machine

import "slices"

// Cell is what an event means in a state.
type Cell struct {
	Next    State
	Effects []Effect
	kind    kind
}

// kind tells apart cells that look alike. The zero kind is an empty cell.
type kind string

const (
	moves  kind = "moves"
	stays  kind = "stays"  // the event is of no consequence here
	cannot kind = "cannot" // nobody can send it here; if it comes, it changes nothing
)

func to(next State, effects ...Effect) Cell { return Cell{Next: next, Effects: effects, kind: moves} }

var (
	same = Cell{kind: stays}
	none = Cell{kind: cannot}
)

// row is a state's answer to every event, in the order of Events.
type row [len(Events)]Cell

// table is the whole life, a state a paragraph, an event a line.
//
// A launch cannot be called back: a stop that comes in launching sends its
// signal, which sysg-exec may not be able to deliver yet, and sends it again
// when the answer comes. A switch between stopping and restarting signals again
// too, since the new state needs a time limit of its own.
var table = [len(States)]row{
	{ // Down
		/* Start */ to(Waiting, DoForgive),
		/* Stop */ same,
		/* Restart */ to(Waiting, DoForgive),
		/* Release */ none,
		/* Prepared */ none,
		/* Launched */ none,
		/* Readied */ none,
		/* Condemn */ none,
		/* Exited */ none,
		/* Overdue */ none,
		/* Due */ none,
		/* Steady */ none,
		/* Finish */ none,
		/* Retry */ none,
		/* Fail */ none,
		/* GiveUp */ none,
	},
	{ // Waiting
		/* Start */ same,
		/* Stop */ to(Down),
		/* Restart */ same,
		/* Release */ to(Preparing, DoPrepare),
		/* Prepared */ none,
		/* Launched */ none,
		/* Readied */ none,
		/* Condemn */ none,
		/* Exited */ none,
		/* Overdue */ none,
		/* Due */ none,
		/* Steady */ none,
		/* Finish */ none,
		/* Retry */ none,
		/* Fail */ none,
		/* GiveUp */ none,
	},
	{ // Preparing
		/* Start */ same,
		/* Stop */ to(Stopping, DoKill),
		/* Restart */ to(Restarting, DoKill),
		/* Release */ none,
		/* Prepared */ to(Launching, DoLaunch),
		/* Launched */ same,
		/* Readied */ none,
		/* Condemn */ to(Ending, DoKill),
		/* Exited */ to(Ending, DoKill),
		/* Overdue */ none,
		/* Due */ none,
		/* Steady */ none,
		/* Finish */ none,
		/* Retry */ to(BackingOff, DoBackoff),
		/* Fail */ to(Failed),
		/* GiveUp */ to(GivenUp, DoRest),
	},
	{ // Launching
		/* Start */ same,
		/* Stop */ to(Stopping, DoSignal),
		/* Restart */ to(Restarting, DoSignal),
		/* Release */ none,
		/* Prepared */ none,
		/* Launched */ to(Starting, DoWatch),
		/* Readied */ none,
		/* Condemn */ none,
		/* Exited */ to(Ending, DoKill),
		/* Overdue */ none,
		/* Due */ none,
		/* Steady */ none,
		/* Finish */ none,
		/* Retry */ to(BackingOff, DoBackoff),
		/* Fail */ to(Failed),
		/* GiveUp */ to(GivenUp, DoRest),
	},
	{ // Starting
		/* Start */ same,
		/* Stop */ to(Stopping, DoSignal),
		/* Restart */ to(Restarting, DoSignal),
		/* Release */ none,
		/* Prepared */ none,
		/* Launched */ same,
		/* Readied */ to(Ready, DoSteady),
		/* Condemn */ to(Ending, DoSignal),
		/* Exited */ to(Ending, DoKill),
		/* Overdue */ none,
		/* Due */ none,
		/* Steady */ none,
		/* Finish */ none,
		/* Retry */ none,
		/* Fail */ none,
		/* GiveUp */ none,
	},
	{ // Ready
		/* Start */ same,
		/* Stop */ to(Stopping, DoSignal),
		/* Restart */ to(Restarting, DoSignal),
		/* Release */ none,
		/* Prepared */ none,
		/* Launched */ same,
		/* Readied */ same,
		/* Condemn */ to(Ending, DoSignal),
		/* Exited */ to(Ending, DoKill),
		/* Overdue */ none,
		/* Due */ none,
		/* Steady */ to(Ready, DoForgive),
		/* Finish */ none,
		/* Retry */ none,
		/* Fail */ none,
		/* GiveUp */ none,
	},
	{ // Stopping
		/* Start */ to(Restarting, DoSignal),
		/* Stop */ same,
		/* Restart */ to(Restarting, DoSignal),
		/* Release */ none,
		/* Prepared */ none,
		/* Launched */ to(Stopping, DoSignal),
		/* Readied */ none,
		/* Condemn */ none,
		/* Exited */ to(Stopping, DoKill),
		/* Overdue */ to(Stopping, DoKill),
		/* Due */ none,
		/* Steady */ none,
		/* Finish */ to(Down, DoForgive),
		/* Retry */ to(Down, DoForgive),
		/* Fail */ to(Down, DoForgive),
		/* GiveUp */ to(Down, DoForgive),
	},
	{ // Restarting
		/* Start */ same,
		/* Stop */ to(Stopping, DoSignal),
		/* Restart */ same,
		/* Release */ none,
		/* Prepared */ none,
		/* Launched */ to(Restarting, DoSignal),
		/* Readied */ none,
		/* Condemn */ none,
		/* Exited */ to(Restarting, DoKill),
		/* Overdue */ to(Restarting, DoKill),
		/* Due */ none,
		/* Steady */ none,
		/* Finish */ to(Waiting, DoForgive),
		/* Retry */ to(Waiting, DoForgive),
		/* Fail */ to(Waiting, DoForgive),
		/* GiveUp */ to(Waiting, DoForgive),
	},
	{ // Ending
		/* Start */ to(Restarting, DoKill),
		/* Stop */ to(Stopping, DoKill),
		/* Restart */ to(Restarting, DoKill),
		/* Release */ none,
		/* Prepared */ none,
		/* Launched */ same,
		/* Readied */ none,
		/* Condemn */ same,
		/* Exited */ to(Ending, DoKill),
		/* Overdue */ to(Ending, DoKill),
		/* Due */ none,
		/* Steady */ none,
		/* Finish */ to(Done, DoForgive),
		/* Retry */ to(BackingOff, DoBackoff),
		/* Fail */ to(Failed),
		/* GiveUp */ to(GivenUp, DoRest),
	},
	{ // BackingOff
		/* Start */ to(Waiting, DoForgive),
		/* Stop */ to(Down, DoForgive),
		/* Restart */ to(Waiting, DoForgive),
		/* Release */ none,
		/* Prepared */ none,
		/* Launched */ none,
		/* Readied */ none,
		/* Condemn */ none,
		/* Exited */ none,
		/* Overdue */ none,
		/* Due */ to(Waiting),
		/* Steady */ none,
		/* Finish */ none,
		/* Retry */ none,
		/* Fail */ none,
		/* GiveUp */ none,
	},
	{ // GivenUp
		/* Start */ to(Waiting, DoForgive),
		/* Stop */ to(Down, DoForgive),
		/* Restart */ to(Waiting, DoForgive),
		/* Release */ none,
		/* Prepared */ none,
		/* Launched */ none,
		/* Readied */ none,
		/* Condemn */ none,
		/* Exited */ none,
		/* Overdue */ none,
		/* Due */ to(Waiting, DoForgive),
		/* Steady */ none,
		/* Finish */ none,
		/* Retry */ none,
		/* Fail */ none,
		/* GiveUp */ none,
	},
	{ // Failed
		/* Start */ to(Waiting, DoForgive),
		/* Stop */ to(Down, DoForgive),
		/* Restart */ to(Waiting, DoForgive),
		/* Release */ none,
		/* Prepared */ none,
		/* Launched */ none,
		/* Readied */ none,
		/* Condemn */ none,
		/* Exited */ none,
		/* Overdue */ none,
		/* Due */ none,
		/* Steady */ none,
		/* Finish */ none,
		/* Retry */ none,
		/* Fail */ none,
		/* GiveUp */ none,
	},
	{ // Done
		/* Start */ same,
		/* Stop */ same,
		/* Restart */ to(Waiting, DoForgive),
		/* Release */ none,
		/* Prepared */ none,
		/* Launched */ none,
		/* Readied */ none,
		/* Condemn */ none,
		/* Exited */ none,
		/* Overdue */ none,
		/* Due */ none,
		/* Steady */ none,
		/* Finish */ none,
		/* Retry */ none,
		/* Fail */ none,
		/* GiveUp */ none,
	},
}

// Next looks up what event means in state. It returns the state itself where
// nothing follows. An unknown word is a programming error.
func Next(state State, event Event) (State, []Effect) {
	cell := table[slices.Index(States[:], state)][slices.Index(Events[:], event)]
	if cell.kind != moves {
		return state, nil
	}
	return cell.Next, cell.Effects
}
