package machine

import (
	"fmt"
	"slices"
	"strings"
)

// Print shows the table for people and for review: a paragraph a state, a line
// for each event that does something. What cannot come and what is of no
// consequence stand on one line each, so that no cell is hidden.
func Print() string {
	var text strings.Builder
	for i, state := range States {
		fmt.Fprintf(&text, "%s\n", state)
		var quiet, impossible []string
		for j, event := range Events {
			switch cell := table[i][j]; cell.kind {
			case moves:
				fmt.Fprintf(&text, "  %-9s → %-12s %s\n", event, cell.Next, join(cell.Effects))
			case stays:
				quiet = append(quiet, string(event))
			case cannot:
				impossible = append(impossible, string(event))
			default:
				fmt.Fprintf(&text, "  %-9s EMPTY\n", event)
			}
		}
		fmt.Fprintf(&text, "  stays on: %s\n  cannot come: %s\n\n", list(quiet), list(impossible))
	}
	return text.String()
}

func join(effects []Effect) string {
	words := make([]string, len(effects))
	for i, effect := range effects {
		words[i] = string(effect)
	}
	return strings.Join(words, ", ")
}

func list(words []string) string {
	if len(words) == 0 {
		return "–"
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}
