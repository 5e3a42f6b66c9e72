package plan

import (
	"slices"

	"systemg.org/sysg/pkg/generation"
)

// A replacement without a gap is a list of steps. The next incarnation, the
// candidate, is launched beside the one that runs and has to prove itself; only
// then does it take the place, and the old one ends.
//
//	launch ─▶ check ─▶ switch ─▶ verify ─▶ grace ─▶ recheck ─▶ promote ─▶ retire
//	  kill            switch_back
//
// Above stands what is done, below what undoes it. Where a step fails, what was
// done by then is undone in reverse order, the failed step included: a switch
// command that fails may have turned half of the traffic. Up to the promotion
// the old incarnation is not touched; after it there is nothing to undo.

// Deed is one thing that a replacement does.
type Deed string

// The deeds.
const (
	DeedLaunch     Deed = "launch"      // start the candidate, until it is ready
	DeedCheck      Deed = "check"       // the health check of a blue/green candidate
	DeedSwitch     Deed = "switch"      // turn the traffic to its slot
	DeedVerify     Deed = "verify"      // make sure that it has turned
	DeedGrace      Deed = "grace"       // see it stay ready for a while
	DeedRecheck    Deed = "recheck"     // ask its health check once more
	DeedPromote    Deed = "promote"     // it takes the place
	DeedRetire     Deed = "retire"      // end the old one
	DeedSwitchBack Deed = "switch_back" // turn the traffic to the old slot
	DeedKill       Deed = "kill"        // end the candidate
)

// Step is one step of a replacement.
type Step struct {
	Do Deed
	// Undo is what makes it undone, "" for nothing.
	Undo Deed
	// Recorded: that it is about to be done is on disk before it is. Whoever
	// finds the record after a death knows that it has to be undone.
	Recorded bool
}

func (s Step) String() string {
	text := string(s.Do)
	if s.Undo != "" {
		text += " (undo: " + string(s.Undo) + ")"
	}
	return text
}

// Steps are those that replace an incarnation of the service.
func Steps(service generation.Service) []Step {
	rolling := service.Rolling
	steps := []Step{{Do: DeedLaunch, Undo: DeedKill}}
	if green := rolling.BlueGreen; green != nil {
		if green.Check != nil {
			steps = append(steps, Step{Do: DeedCheck})
		}
		steps = append(steps, Step{Do: DeedSwitch, Undo: DeedSwitchBack, Recorded: true})
		if green.Verify {
			steps = append(steps, Step{Do: DeedVerify})
		}
	}
	if rolling.Grace > 0 {
		steps = append(steps, Step{Do: DeedGrace})
		if service.Ready.By == generation.ByHealth && service.Health != nil {
			steps = append(steps, Step{Do: DeedRecheck})
		}
	}
	return append(steps, Step{Do: DeedPromote}, Step{Do: DeedRetire, Recorded: true})
}

// Undo are the deeds that undo a replacement which failed at a step, in order.
func Undo(steps []Step, failed Deed) []Deed {
	var deeds []Deed
	for _, step := range steps {
		if step.Do == DeedPromote {
			break
		}
		if step.Undo != "" {
			deeds = append(deeds, step.Undo)
		}
		if step.Do == failed {
			break
		}
	}
	slices.Reverse(deeds)
	return deeds
}

// Gapless reports whether a running service is replaced without a gap, and if
// its manifest asks for that in vain, why not.
func Gapless(service generation.Service) (gapless bool, why string) {
	switch {
	case service.Rolling == nil:
		return false, ""
	case service.Skip != "":
		return false, "it may be skipped"
	case service.Cron != nil:
		return false, "its schedule starts it"
	}
	return true, ""
}
