package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/order"
)

// Kind says what sort of thing is wrong, for programs.
type Kind string

// The kinds. Those of the older program keep its names.
const (
	KindUnreadable     Kind = "unreadable-config"
	KindUntrusted      Kind = "untrusted-config"
	KindYAML           Kind = "invalid-yaml"
	KindInclude        Kind = "unresolved-include"
	KindVersion        Kind = "unsupported-version"
	KindUnknownField   Kind = "unknown-field"
	KindUnsupported    Kind = "unsupported-field"
	KindValue          Kind = "invalid-field-value"
	KindEnvVar         Kind = "missing-env-var"
	KindProjectID      Kind = "invalid-project-id"
	KindNoServices     Kind = "missing-services"
	KindNoCommand      Kind = "missing-command"
	KindHealthCheck    Kind = "invalid-health-check"
	KindUnknownService Kind = "unknown-dependency"
	KindCycle          Kind = "dependency-cycle"
	KindConfig         Kind = "invalid-config"
	KindSystemMode     Kind = "requires-system-mode"
	KindUnknownUser    Kind = "unknown-user"
	KindUnknownGroup   Kind = "unknown-group"
	KindNoUser         Kind = "missing-user"
	// KindDifference is what the older program does otherwise.
	KindDifference Kind = "differs-from-0.66"
)

// Problem is one thing that is wrong, and where. It never holds the value of a
// variable.
type Problem struct {
	// Path is the file. Line and Column count from 1; 0 means the whole file.
	Path   string
	Line   int
	Column int
	Kind   Kind
	// Key is the dotted path, such as services.web.backoff.
	Key string
	// Message says what is wrong, Why the reason for the rule where it is not
	// obvious, Suggestion what to write instead. The last two may be empty.
	Message    string
	Why        string
	Suggestion string
	// Warning is set where the manifest is usable all the same.
	Warning bool

	code string // where one kind has several
}

// Code is the diagnostic code of the problem.
func (p Problem) Code() string {
	if p.code != "" {
		return p.code
	}
	switch p.Kind {
	case KindInclude:
		return api.CodeInclude
	case KindUnreadable:
		return api.CodeNoManifest
	case KindUntrusted:
		return api.CodeUntrusted
	case KindUnknownField:
		return api.CodeUnknownKey
	case KindUnknownService, KindCycle:
		return api.CodeGraph
	case KindSystemMode:
		return api.CodeSystemMode
	case KindDifference:
		return api.CodeDifference
	default:
		return api.CodeManifest
	}
}

// Where is the place of the problem: path:line:column.
func (p Problem) Where() string {
	if p.Line == 0 {
		return p.Path
	}
	if p.Column == 0 {
		return fmt.Sprintf("%s:%d", p.Path, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.Path, p.Line, p.Column)
}

func (p Problem) String() string {
	text := p.Where() + ": "
	if p.Key != "" {
		text += p.Key + ": "
	}
	text += p.Message
	if p.Suggestion != "" {
		text += " (" + p.Suggestion + ")"
	}
	return text
}

// Problems is everything that is wrong with a manifest, sorted by file and line. It is
// an error if it holds more than warnings.
type Problems []Problem

// Error lists the errors, a line each.
func (ps Problems) Error() string {
	var lines []string
	for _, p := range ps {
		if !p.Warning {
			lines = append(lines, p.String())
		}
	}
	return strings.Join(lines, "\n")
}

// fatal says whether any of them is an error.
func (ps Problems) fatal() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning })
}

// sorted sorts by file, the manifest itself first, and by line. It drops what
// is said twice of the same place, as of a value that several aliases stand for.
func (ps Problems) sorted(manifest string) Problems {
	rank := func(p Problem) string {
		if p.Path == manifest {
			return ""
		}
		return p.Path
	}
	order.By(ps, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(rank(*a), rank(*b)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(ps, func(a, b Problem) bool {
		return a.Path == b.Path && a.Line == b.Line && a.Column == b.Column && a.Message == b.Message
	})
}

// quote shows what somebody typed, cut where it would fill the screen.
func quote(text string) string {
	const most = 60
	if runes := []rune(text[:min(len(text), 4*most)]); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

// quotePath shows a path, of which the end tells most.
func quotePath(file string) string {
	const most = 100
	if runes := []rune(file); len(runes) > most {
		file = "…" + string(runes[len(runes)-most:])
	}
	return fmt.Sprintf("%q", file)
}
