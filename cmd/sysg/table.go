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
func renderStatus(snapshot api.Snapshot, title string, commandWidth int, colour, boxed bool) string {
	var b strings.Builder
	units := snapshot.Units
	overview := overviewOf(snapshot, title, colour)
	if boxed {
		overview = box(overview)
	}
	b.WriteString(strings.Join(overview, "\n") + "\n")
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

// overviewOf is the state of everything in a few lines.
func overviewOf(snapshot api.Snapshot, title string, colour bool) []string {
	units := snapshot.Units
	lines := []string{
		"Status: " + paint(colour, titleStyle(title), title),
		fmt.Sprintf("Units:  %d", len(units)),
		"Health: " + tally(units, func(u api.Unit) string { return u.Health }),
		"State:  " + tally(units, func(u api.Unit) string { return u.State }),
		"Intent: " + tally(units, func(u api.Unit) string { return u.Intent }),
	}
	for _, note := range snapshot.Notes {
		lines = append(lines, "Note:   "+clean(note))
	}
	return lines
}

func titleStyle(title string) style {
	if title == "OFFLINE" {
		return yellow
	}
	return healthStyle(strings.ToLower(title))
}

// box draws a frame around lines.
func box(lines []string) []string {
	width := 0
	for _, line := range lines {
		width = max(width, shownWidth(line))
	}
	edge := strings.Repeat("─", width+2)
	boxed := []string{"┌" + edge + "┐"}
	for _, line := range lines {
		boxed = append(boxed, "│ "+line+strings.Repeat(" ", width-shownWidth(line))+" │")
	}
	return append(boxed, "└"+edge+"┘")
}

// shownWidth is how many characters of a painted text are seen.
func shownWidth(text string) int {
	width, escaped := 0, false
	for _, r := range text {
		switch {
		case r == '\x1b':
			escaped = true
		case escaped:
			escaped = r != 'm'
		default:
			width++
		}
	}
	return width
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
		if worthTelling(unit) {
			fmt.Fprintf(&b, "  %s is %s: %s\n", unit.Name, words(unit.Phase), clean(unit.Cause))
		}
		for _, note := range unit.Notes {
			fmt.Fprintf(&b, "  %s: %s\n", unit.Name, clean(note))
		}
	}
	return b.String()
}

// worthTelling reports whether somebody would ask why a unit is as it is.
func worthTelling(unit api.Unit) bool {
	switch unit.Phase {
	case "skipped", "listening", "scheduled":
		return true
	}
	return unit.Health == "failing" || unit.Health == "warn"
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

// cpu is the share of one processor that a unit used last, or over its life
// where it was not measured before.
func cpu(unit api.Unit) string {
	if unit.Metrics == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", unit.Metrics.LatestCPU)
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
	case last.Signal != nil && last.OOMKills > 0:
		return "no memory"
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
	widths := widthsOf(rows)
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

// widthsOf are the widths of the columns.
func widthsOf(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, text := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	return widths
}
