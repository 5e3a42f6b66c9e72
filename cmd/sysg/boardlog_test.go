package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestALogPageStaysAtItsEndUntilSomebodyScrolls(t *testing.T) {
	p := &page{title: "the log of web", log: true, atEnd: true}
	b := &board{width: 10, height: 5, page: p}
	seen := func() string {
		var texts []string
		for _, line := range b.lines()[1:4] {
			for _, piece := range line {
				texts = append(texts, piece.text)
			}
		}
		return strings.Join(texts, " ")
	}
	want := func(what, want string) {
		t.Helper()
		if got := seen(); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	for i := range 5 {
		p.append(fmt.Sprint("line ", i), b.width)
	}
	want("at first", "line 2 line 3 line 4")
	b.key("up")
	p.append("a line of seventeen", b.width)
	want("scrolled up", "line 1 line 2 line 3")
	b.key("end")
	want("at the end", "line 4 a line of  seventeen")
	p.append("more", b.width)
	want("and further", "a line of  seventeen more")
	if got := b.key("ctrl-c"); got != closePage {
		t.Errorf("Ctrl-C means %q", got)
	}
	for range maxPage {
		p.append("x", b.width)
	}
	if len(p.lines) != maxPage {
		t.Errorf("%d lines are kept", len(p.lines))
	}
}
