package doctor

import (
	"cmp"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/order"
)

// Severity is how bad a finding is.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that is not as it should be, with the older program's
// field names.
type Finding struct {
	Severity Severity `json:"severity"`
	Rule     string   `json:"rule"`
	Project  string   `json:"project"`
	Service  string   `json:"service"`
	Detail   string   `json:"detail"`
}

// suspicion is a finding that has still to be confirmed. about is what it is
// about, beside the service: a process, an incarnation, a file.
type suspicion struct {
	Finding
	about string
}

// identity says which suspicions of two looks are the same.
type identity struct{ rule, project, service, about, stamp string }

func (l *Look) identity(s suspicion) identity {
	return identity{s.Rule, s.Project, s.Service, s.about, l.stamp(s.Project, s.Service)}
}

// stamp changes whenever something happens to a service.
func (l *Look) stamp(project, service string) string {
	if l.Survey == nil {
		return ""
	}
	for _, s := range l.Survey.Services {
		if s.Project == project && s.Service == service {
			return s.Phase + " " + s.Since + " " + s.Incarnation
		}
	}
	return "unknown"
}

// pauses are the times between the looks that confirm a suspicion.
var pauses = []time.Duration{100 * time.Millisecond, 400 * time.Millisecond, 1500 * time.Millisecond}

// Examine looks until every suspicion is confirmed or has gone. ask is the
// supervisor's picture, nil where none runs.
func Examine(in Instance, ask func() (*api.Survey, error)) ([]Finding, error) {
	kept, err := in.suspect(ask)
	for _, pause := range pauses {
		if err != nil || len(kept) == 0 {
			break
		}
		// Nobody tells when what is under way has arrived: that is the suspicion.
		<-time.After(pause)
		var again map[identity]suspicion
		again, err = in.suspect(ask)
		for id := range kept {
			if _, still := again[id]; !still {
				delete(kept, id)
			} else {
				kept[id] = again[id]
			}
		}
	}
	if err != nil {
		return nil, err
	}
	findings := []Finding{}
	for _, s := range kept {
		findings = append(findings, s.Finding)
	}
	order.By(findings, func(a, b *Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Project, b.Project), cmp.Compare(a.Service, b.Service),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Detail, b.Detail))
	})
	return findings, nil
}

func (in Instance) suspect(ask func() (*api.Survey, error)) (map[identity]suspicion, error) {
	survey, err := ask()
	if err != nil {
		return nil, err
	}
	look, err := in.look(survey)
	if err != nil {
		return nil, err
	}
	found := map[identity]suspicion{}
	for _, rule := range rules {
		for _, s := range rule(look) {
			found[look.identity(s)] = s
		}
	}
	return found, nil
}
