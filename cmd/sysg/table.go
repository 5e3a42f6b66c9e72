package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"systemg.org/sysg/pkg/api"
)

// columns are those of the older program, in its order.
var columns = []string{"UNIT", "KIND", "STATE", "USER", "PID", "CPU", "RSS", "UPTIME", "CMD", "LAST_EXIT", "HEALTH"}

// statusWidth is about what all columns but CMD take.
const statusWidth = 85

// renderStatus is the text of sysg status: an overview, and a table a project.
func renderStatus(snapshot api.Snapshot, commandWidth int, colour bool) string {
	var b strings.Builder
	units := snapshot.Units
	word := strings.ToUpper(snapshot.OverallHealth)
	fmt.Fprintf(&b, "Status: %s\n", paint(colour, healthStyle(snapshot.OverallHealth), word))
	fmt.Fprintf(&b, "Units:  %d\n", len(units))
	fmt.Fprintf(&b, "Health: %s\n", tally(units, func(u api.Unit) string { return u.Health }))
	fmt.Fprintf(&b, "State:  %s\n", tally(units, func(u api.Unit) string { return u.State }))
	fmt.Fprintf(&b, "Intent: %s\n", tally(units, func(u api.Unit) string { return u.Intent }))
	for _, note := range snapshot.Notes {
		fmt.Fprintf(&b, "Note:   %s\n", clean(note))
	}
	for len(units) > 0 {
		n := 1
		for n < len(units) && units[n].Project.ID == units[0].Project.ID {
			n++
		}
		project := units[0].Project
		fmt.Fprintf(&b, "\nProject: %s (%s) [%s]\n", project.Name, project.ID, project.Mode)
		b.WriteString(renderUnits(units[:n], commandWidth, colour))
		units = units[n:]
	}
	return b.String()
}

// renderUnits is the table of one project, then a line for each unit whose
// state needs an explanation.
func renderUnits(units []api.Unit, commandWidth int, colour bool) string {
	rows := [][]string{columns}
	for _, unit := range units {
		rows = append(rows, cells(unit, commandWidth))
	}
	var b strings.Builder
	b.WriteString(align(rows, func(row, column int, text string) string {
		switch {
		case row == 0:
			return paint(colour, bold, text)
		case column == len(columns)-1:
			return paint(colour, healthStyle(units[row-1].Health), text)
		default:
			return text
		}
	}))
	for _, unit := range units {
		if unit.Health == "failing" || unit.Health == "warn" {
			fmt.Fprintf(&b, "  %s is %s: %s\n", unit.Name, words(unit.Phase), clean(unit.Cause))
		}
	}
	return b.String()
}

func cells(unit api.Unit, commandWidth int) []string {
	user, pid := "-", "-"
	if unit.Process != nil {
		user, pid = orDash(unit.Process.User), fmt.Sprint(unit.Process.PID)
	}
	up := "-"
	if unit.Uptime != nil {
		up = unit.Uptime.Human
	}
	kind := map[string]string{"service": "srvc", "cron": "cron", "orphaned": "orph"}[unit.Kind]
	command := clean(strings.Join(strings.Fields(unit.Command), " "))
	return []string{
		unit.Name, orDash(kind), unit.State, user, pid, cpu(unit), size(unit.Memory), up,
		orDash(cut(command, commandWidth)), lastExit(unit.LastExit), unit.Health,
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// cpu is the share of one processor over the unit's life, as ps(1) counts it.
func cpu(unit api.Unit) string {
	if unit.Uptime == nil || unit.Uptime.Seconds <= 0 || unit.CPUMicros == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", float64(unit.CPUMicros)/1e4/float64(unit.Uptime.Seconds))
}

// size is a number of bytes for people.
func size(bytes uint64) string {
	if bytes == 0 {
		return "-"
	}
	value, units := float64(bytes), "BKMGT"
	i := 0
	for value >= 1024 && i < len(units)-1 {
		value /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%dB", bytes)
	}
	return fmt.Sprintf("%.1f%c", value, units[i])
}

func lastExit(last *api.Exit) string {
	switch {
	case last == nil:
		return "-"
	case last.Unknown:
		return "unknown"
	case last.Signal != nil:
		return fmt.Sprintf("signal %d", *last.Signal)
	case last.Code != nil:
		return fmt.Sprintf("exit %d", *last.Code)
	default:
		return "-"
	}
}

func healthStyle(health string) style {
	switch health {
	case "healthy":
		return green
	case "warn":
		return yellow
	case "failing":
		return red
	default:
		return faint
	}
}

// align sets rows in columns two spaces apart. Style is applied to a cell
// after it was measured, since it has no width.
func align(rows [][]string, styled func(row, column int, text string) string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, text := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	var b strings.Builder
	for r, row := range rows {
		for i, text := range row {
			b.WriteString(styled(r, i, text))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)+2))
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
