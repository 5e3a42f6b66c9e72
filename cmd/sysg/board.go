package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"systemg.org/sysg/pkg/api"
)

// board is the interactive table: what is shown, and what a key means. It knows
// no terminal; boardscreen.go draws its lines and carries out what it asks for.
type board struct {
	snapshot api.Snapshot
	width    int
	height   int

	row, cell int // what is selected
	top       int // the first row that is seen
	// page is text that covers the table, nil for none.
	page *page
	// message is what became of the last key.
	message string
}

// page is a text that can be scrolled.
type page struct {
	title string
	lines []string
	top   int
	unit  api.Unit
	// only: there is no table below it.
	only bool
	// log: it grows at its end. atEnd: that is what is seen of it.
	log, atEnd bool
}

// wish is what a key asks for.
type wish string

const (
	nothing     wish = ""
	leave       wish = "leave"
	inspectUnit wish = "inspect"
	explainUnit wish = "explain"
	showLogs    wish = "logs"
	startUnit   wish = "start"
	stopUnit    wish = "stop"
	restartUnit wish = "restart"
	closePage   wish = "close"
)

// key is a key that means something, by a name of its own: a letter, or up,
// down, left, right, tab, backtab, enter, esc, ctrl-c, pgup, pgdn, home, end.
func (b *board) key(name string) wish {
	b.message = ""
	switch {
	case name == "ctrl-c" && b.page != nil && b.page.log: // As in sysg logs, which it is.
		return closePage
	case name == "ctrl-c":
		return leave
	case b.page != nil:
		return b.pageKey(name)
	}
	switch name {
	case "q", "esc":
		return leave
	case "up", "backtab":
		b.row--
	case "down", "tab":
		b.row++
	case "left":
		b.cell--
	case "right":
		b.cell++
	case "home":
		b.row = 0
	case "end":
		b.row = len(b.snapshot.Units) - 1
	case "pgup":
		b.row -= max(b.room(), 1)
	case "pgdn":
		b.row += max(b.room(), 1)
	case "i", "enter":
		return b.about(inspectUnit)
	case "h":
		return b.about(explainUnit)
	case "l":
		return b.about(showLogs)
	case "r":
		return b.restart()
	}
	b.clamp()
	return nothing
}

// about is a wish, where there is a unit to have it about.
func (b *board) about(w wish) wish {
	if len(b.snapshot.Units) == 0 {
		return nothing
	}
	return w
}

// restart refuses what has a schedule of its own.
func (b *board) restart() wish {
	if len(b.snapshot.Units) == 0 {
		return nothing
	}
	if unit := b.selected(); unit.Kind == "cron" {
		b.message = fmt.Sprintf("%s: %s runs by its schedule; `sysg cron run` runs it now", api.CodeCronDirect, unit.Name)
		return nothing
	}
	return restartUnit
}

func (b *board) pageKey(name string) wish {
	p := b.page
	switch name {
	case "up":
		p.top--
	case "down":
		p.top++
	case "pgup":
		p.top -= b.height - 2
	case "pgdn":
		p.top += b.height - 2
	case "home":
		p.top = 0
	case "end":
		p.top = len(p.lines)
	case "q", "esc":
		if p.only {
			return leave
		}
		return closePage
	case "s":
		return startUnit
	case "x":
		return stopUnit
	case "r":
		return restartUnit
	}
	last := max(len(p.lines)-(b.height-2), 0)
	p.top = max(min(p.top, last), 0)
	p.atEnd = p.log && p.top == last
	return nothing
}

// selected is the unit that keys are about.
func (b *board) selected() api.Unit {
	if b.page != nil {
		return b.page.unit
	}
	return b.snapshot.Units[b.row]
}

// show takes a new snapshot. What was selected stays so, wherever it is now.
func (b *board) show(snapshot api.Snapshot) {
	chosen := ""
	if len(b.snapshot.Units) > 0 {
		chosen = b.snapshot.Units[b.row].Hash
	}
	b.snapshot = snapshot
	if i := slices.IndexFunc(snapshot.Units, func(u api.Unit) bool { return u.Hash == chosen }); i >= 0 {
		b.row = i
	}
	b.clamp()
}

// clamp keeps the selection on the table, and in sight.
func (b *board) clamp() {
	b.row = max(min(b.row, len(b.snapshot.Units)-1), 0)
	b.cell = max(min(b.cell, len(columns)-1), 0)
	b.top = max(min(b.top, b.row), b.row-b.room()+1, 0)
}

// room is how many units are seen at once. Project headers take lines as well,
// so that with several projects it is less than it could be.
func (b *board) room() int {
	headers := map[string]bool{}
	for _, unit := range b.snapshot.Units {
		headers[unit.Project.ID] = true
	}
	return max(b.height-len(b.overview())-len(headers)-3, 1)
}

func (b *board) overview() []string {
	return box(overviewOf(b.snapshot, strings.ToUpper(b.snapshot.OverallHealth), false))
}

// piece is a part of a line in one style.
type piece struct {
	text     string
	style    style
	reversed bool
}

// lines are what is seen, from the top.
func (b *board) lines() [][]piece {
	if b.page != nil {
		return b.pageLines()
	}
	var lines [][]piece
	for _, line := range b.overview() {
		lines = append(lines, []piece{{text: line, style: healthStyle(b.snapshot.OverallHealth)}})
	}
	rows := [][]string{columns}
	for _, unit := range b.snapshot.Units {
		rows = append(rows, cells(unit, max(b.width-statusWidth, 12)))
	}
	widths := widthsOf(rows)
	lines = append(lines, b.cells(rows[0], widths, -1))
	project := ""
	for i := b.top; i < len(b.snapshot.Units) && i < b.top+b.room(); i++ {
		unit := b.snapshot.Units[i]
		if unit.Project.ID != project {
			project = unit.Project.ID
			header := fmt.Sprintf("Project: %s (%s) [%s]", unit.Project.Name, unit.Project.ID, unit.Project.Mode)
			lines = append(lines, []piece{{text: header, style: bold}})
		}
		lines = append(lines, b.cells(rows[i+1], widths, i))
	}
	for len(lines) < b.height-2 {
		lines = append(lines, nil)
	}
	return append(lines, []piece{{text: b.footnote()}}, []piece{{text: "↑↓ unit  ←→ cell  i inspect  h health  l logs  r restart  q quit", style: faint}})
}

// cells are one row of the table; unit -1 is the head.
func (b *board) cells(row []string, widths []int, unit int) []piece {
	var parts []piece
	for column, text := range row {
		part := piece{text: text + strings.Repeat(" ", widths[column]-utf8.RuneCountInString(text)), reversed: unit == b.row}
		switch {
		case unit < 0:
			part.style = bold
		case unit == b.row && column == b.cell:
			part.style = bold
		case column == len(columns)-1:
			part.style = healthStyle(b.snapshot.Units[unit].Health)
		}
		parts = append(parts, part, piece{text: "  ", reversed: unit == b.row})
	}
	return parts
}

// footnote is what became of the last key, or the selected cell in full.
func (b *board) footnote() string {
	if b.message != "" {
		return clean(b.message)
	}
	if len(b.snapshot.Units) == 0 {
		return "No units being supervised"
	}
	unit := b.snapshot.Units[b.row]
	text := cells(unit, 0)[b.cell]
	if b.cell == 0 {
		text = fmt.Sprintf("%s is %s: %s", unit.Name, words(unit.Phase), clean(unit.Cause))
	}
	return columns[b.cell] + " " + text
}

func (b *board) pageLines() [][]piece {
	p := b.page
	if p.atEnd {
		p.top = max(len(p.lines)-(b.height-2), 0)
	}
	lines := [][]piece{{{text: p.title, style: bold}}}
	for i := p.top; i < len(p.lines) && len(lines) < b.height-1; i++ {
		lines = append(lines, []piece{{text: p.lines[i]}})
	}
	for len(lines) < b.height-1 {
		lines = append(lines, nil)
	}
	help := "↑↓ scroll  s start  x stop  r restart  q back"
	if b.message != "" {
		help = clean(b.message)
	}
	return append(lines, []piece{{text: help, style: faint}})
}
