package security

import (
	"cmp"
	"math"
	"slices"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/order"
)

// Subject is what is judged: the processes of a service, of which the worst
// counts in each aspect.
type Subject struct {
	// Machine is a process outside, which the others are compared with.
	Machine   Process
	Processes []Process
	// Declared is what the generation says, nil where it cannot be read, and
	// Missing the keys of it that the kernel lacked.
	Declared *generation.LaunchService
	Missing  []string
}

// Finding is one aspect.
type Finding struct {
	// Key is the manifest's, which changes it.
	Key string `json:"key"`
	// Exposure is how much it adds to the report's, Most how much it could.
	Exposure float64 `json:"exposure"`
	Most     float64 `json:"most"`
	Is       string  `json:"is"`
	// Evidence is where it is seen, and what stands there.
	Evidence string `json:"evidence"`
	PID      int    `json:"pid,omitempty"`
	// Help is what to write into the manifest, "" where nothing is to be won.
	Help string `json:"help,omitempty"`
}

// Report is what was found of a service.
type Report struct {
	// Exposure is from 0 to 10, and Verdict its word.
	Exposure float64   `json:"exposure"`
	Verdict  Verdict   `json:"verdict"`
	Findings []Finding `json:"findings"`
}

// Verdict is a word for an exposure.
type Verdict string

// The verdicts, and above which exposure each begins.
const (
	Tight   Verdict = "tight"
	Fair    Verdict = "fair"    // above 2
	Medium  Verdict = "medium"  // above 4.5
	Exposed Verdict = "exposed" // above 7
)

// Judge weighs what is seen of a service. The sum is made of the aspects that
// this machine has, so that a kernel without AppArmor costs nobody anything.
func Judge(s *Subject) Report {
	var r Report
	var sum, most float64
	for _, a := range aspects {
		worst, applies := Finding{}, false
		for i := range s.Processes {
			seen := a.look(s, &s.Processes[i])
			if seen.absent {
				continue
			}
			if !applies || seen.share > worst.Exposure {
				worst = Finding{Key: a.key, Exposure: seen.share, Is: seen.is, Evidence: seen.evidence, PID: s.Processes[i].PID}
			}
			applies = true
		}
		if !applies {
			continue
		}
		if worst.Exposure > 0 {
			worst.Help = a.help
		}
		worst.Exposure *= a.weight
		worst.Most = a.weight
		sum, most = sum+worst.Exposure, most+a.weight
		r.Findings = append(r.Findings, worst)
	}
	if most == 0 {
		return Report{Verdict: Exposed, Exposure: 10} // Nobody has been seen.
	}
	r.Exposure = rounded(10*sum/most, 10)
	for i := range r.Findings {
		r.Findings[i].Exposure, r.Findings[i].Most = rounded(10*r.Findings[i].Exposure/most, 100), rounded(10*r.Findings[i].Most/most, 100)
	}
	r.Verdict = verdictOf(r.Exposure)
	return r
}

func rounded(value, parts float64) float64 { return math.Round(value*parts) / parts }

func verdictOf(exposure float64) Verdict {
	switch {
	case exposure > 7:
		return Exposed
	case exposure > 4.5:
		return Medium
	case exposure > 2:
		return Fair
	}
	return Tight
}

// Worst are the keys that most is to be won by, the best first.
func (r *Report) Worst(n int) []string {
	open := slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Exposure == 0 })
	order.By(open, func(a, b *Finding) int { return cmp.Compare(b.Exposure, a.Exposure) })
	var keys []string
	for _, f := range open[:min(n, len(open))] {
		keys = append(keys, f.Key)
	}
	return keys
}
