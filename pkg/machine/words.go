package machine

// State is where a service is in its life; people see these words as its phase.
type State string

// The states.
const (
	Down       State = "down"        // not wanted, nothing runs
	Waiting    State = "waiting"     // wanted, its dependencies are not satisfied
	Preparing  State = "preparing"   // its pre_start command runs
	Launching  State = "launching"   // sysg-exec is asked to launch it
	Starting   State = "starting"    // it runs and is not ready yet
	Ready      State = "ready"       // it runs and is ready
	Stopping   State = "stopping"    // it is being ended and stays down
	Restarting State = "restarting"  // it is being ended and starts anew
	Ending     State = "ending"      // it ended by itself; what it left is being cleared
	BackingOff State = "backing_off" // it failed and is tried again soon
	GivenUp    State = "given_up"    // it failed too often
	Failed     State = "failed"      // it failed and its policy says to leave it
	Done       State = "done"        // it ran to a successful end
	Skipped    State = "skipped"     // it is left out, or depends on what is
	Listening  State = "listening"   // it starts when somebody connects to it
	Scheduled  State = "scheduled"   // it runs when its schedule says
)

// States are all states, in the order of the table's rows.
var States = [...]State{
	Down, Waiting, Preparing, Launching, Starting, Ready, Stopping, Restarting,
	Ending, BackingOff, GivenUp, Failed, Done, Skipped, Listening, Scheduled,
}

// Event is something that happens to a service.
type Event string

// The events.
const (
	Start    Event = "start"    // somebody wants it up
	Stop     Event = "stop"     // somebody wants it down, and it is its turn
	Restart  Event = "restart"  // it is to be ended and started anew, and it is its turn
	Release  Event = "release"  // all that it depends on is satisfied
	Prepared Event = "prepared" // its pre_start command succeeded, or it has none
	Launched Event = "launched" // its process is past execve
	Readied  Event = "readied"  // its readiness rule is fulfilled
	Condemn  Event = "condemn"  // it runs but must be ended as a failure
	Exited   Event = "exited"   // its main process ended
	Overdue  Event = "overdue"  // it had its time to end politely
	Due      Event = "due"      // what it waits for has come: the next try, a client, its time
	Steady   Event = "steady"   // it has been up long enough to forget its failures

	// The verdicts: nothing of it is left, and it …
	Finish Event = "finish"  // … succeeded and is not run again
	Retry  Event = "retry"   // … is to be tried again
	Fail   Event = "fail"    // … failed and is not to be tried again
	GiveUp Event = "give_up" // … failed once too often

	// What a service that waits may do instead of starting, and what one may
	// go back to at its end.
	Skip     Event = "skip"     // it is to be left out
	Listen   Event = "listen"   // it is to start when somebody connects
	Schedule Event = "schedule" // it is to run when its schedule says
)

// Events are all events, in the order of the table's columns.
var Events = [...]Event{
	Start, Stop, Restart, Release, Prepared, Launched, Readied, Condemn,
	Exited, Overdue, Due, Steady, Finish, Retry, Fail, GiveUp, Skip, Listen, Schedule,
}

// Effect is something to carry out because of a transition.
type Effect string

// The effects.
const (
	DoPrepare  Effect = "prepare"  // run pre_start, then report prepared
	DoLaunch   Effect = "launch"   // ask sysg-exec for a new incarnation
	DoWatch    Effect = "watch"    // begin to find out whether it is ready, and mind the start timeout
	DoSteady   Effect = "steady"   // report steady once it has been up for stable_after
	DoSignal   Effect = "signal"   // send the stop signal, report overdue after the stop timeout
	DoKill     Effect = "kill"     // end every process of the incarnation
	DoBackoff  Effect = "backoff"  // count a restart, report due after the delay
	DoRest     Effect = "rest"     // report due after retry_after
	DoForgive  Effect = "forgive"  // forget earlier failures
	DoListen   Effect = "listen"   // have sysg-exec hold its sockets, report due when somebody is there
	DoSchedule Effect = "schedule" // report due at the next time of its schedule
)

// Alive reports whether a process may exist in s.
func (s State) Alive() bool {
	switch s {
	case Preparing, Launching, Starting, Ready, Stopping, Restarting, Ending:
		return true
	}
	return false
}

// Settled reports whether s lasts until something new happens: success or
// failure, but not a step on the way.
func (s State) Settled() bool {
	switch s {
	case Down, Ready, BackingOff, GivenUp, Failed, Done, Skipped, Listening, Scheduled:
		return true
	}
	return false
}
