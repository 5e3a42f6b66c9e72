package main

import (
	"os"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/api"
)

func TestAnEventIsAnEntryWithFields(t *testing.T) {
	entry := string(entryOf(api.Event{
		Project: "shop", Service: "api", From: "ending", To: "given_up", Event: "give_up",
		Cause: "it exited with code 3", Code: "SG0102", Incarnation: "0123", PID: 7,
	}))
	for _, line := range []string{
		"MESSAGE=shop/api: ending → given_up: it exited with code 3", "PRIORITY=3", "SYSG_PROJECT=shop", "SYSG_SERVICE=api",
		"SYSG_INVOCATION_ID=0123", "SYSG_CAUSE=it exited with code 3", "SYSG_CODE=SG0102", "SYSG_PID=7",
	} {
		if !strings.Contains(entry, line+"\n") {
			t.Errorf("no %q in\n%s", line, entry)
		}
	}
	note := string(entryOf(api.Event{Project: "shop", Service: "api", From: "ready", To: "ready", Event: api.EventNote, Cause: "two\nlines"}))
	if strings.Contains(note, "MESSAGE_ID") || !strings.Contains(note, "SYSG_CAUSE\n\x09\x00\x00\x00\x00\x00\x00\x00two\nlines\n") {
		t.Errorf("%q", note)
	}
}

func TestTheCatalogHasATextForEveryMessage(t *testing.T) {
	text, err := os.ReadFile("../../packaging/systemg.catalog")
	if err != nil {
		t.Fatal(err)
	}
	for state, m := range messages {
		if strings.Count(string(text), "-- "+m.id+"\n") != 1 {
			t.Errorf("no text for %s (%s)", state, m.id)
		}
	}
	if got := strings.Count(string(text), "\n-- "); got != len(messages) {
		t.Errorf("%d texts for %d messages", got, len(messages))
	}
}
