package main

import (
	"fmt"
	"strings"

	"systemg.org/sysg/pkg/plan"
)

// signs are what stands before a service in a plan.
var signs = map[plan.Fate]struct {
	sign  string
	style style
}{
	plan.Begin: {"+", green}, plan.Anew: {"~", yellow}, plan.Replace: {">", yellow},
	plan.End: {"-", red}, plan.Redefine: {".", faint},
}

// renderPlan is the text of sysg plan.
func renderPlan(all []planned, changes, colour bool) string {
	var b strings.Builder
	for _, one := range all {
		if one.From == 0 {
			fmt.Fprintf(&b, "Project '%s', never started:\n", one.Project)
		} else {
			fmt.Fprintf(&b, "Project '%s', from generation %d:\n", one.Project, one.From)
		}
		b.WriteString(renderChanges(one.Changes, colour))
	}
	if !changes {
		b.WriteString("Nothing to do. `sysg restart` would restart all of it all the same; `sysg reload` would not.\n")
	}
	return b.String()
}

func renderChanges(changes []plan.Change, colour bool) string {
	var rows [][]string
	var styles []style
	kept := 0
	for _, change := range changes {
		if change.Fate == plan.Keep {
			kept++
			continue
		}
		sign := signs[change.Fate]
		styles = append(styles, sign.style)
		rows = append(rows, []string{
			"  " + sign.sign, clean(change.Service), string(change.Fate), clean(change.Because),
		})
	}
	text := ""
	if len(rows) > 0 {
		text = align(rows, func(row, column int, cell string) string {
			return paint(colour && column == 0, styles[row], cell)
		})
	}
	if kept > 0 {
		text += fmt.Sprintf("  = %d unchanged\n", kept)
	}
	return text
}
