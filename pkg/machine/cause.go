package machine

import "time"

// Cause says why a state was entered, for people and for `sysg why`.
type Cause struct {
	Kind CauseKind `json:"kind"`
	// Text is a clause that follows "because", without a full stop.
	Text string `json:"text"`
	// Code is the SG code where the cause is a failure.
	Code string `json:"code,omitempty"`
	// Service is the other service that explains this one: the next link.
	Service string `json:"service,omitempty"`
}

// CauseKind sorts causes.
type CauseKind string

// The kinds of cause.
const (
	ByRequest    CauseKind = "request"    // somebody asked
	ByDependency CauseKind = "dependency" // another service's state
	ByExit       CauseKind = "exit"       // its main process ended
	ByLaunch     CauseKind = "launch"     // what sysg-exec answered
	ByReadiness  CauseKind = "readiness"  // its readiness rule or health check
	ByTimer      CauseKind = "timer"      // a time came
	ByPolicy     CauseKind = "policy"     // its restart policy
	ByNote       CauseKind = "note"       // something beside its states; it enters none
	ByRecovery   CauseKind = "recovery"   // found so after sysgd or sysg-exec came back
)

// Transition is one step of a service's life.
type Transition struct {
	At    time.Time `json:"at"`
	From  State     `json:"from"`
	To    State     `json:"to"`
	Event Event     `json:"event"`
	Cause Cause     `json:"cause"`
}
