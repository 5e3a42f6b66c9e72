package main

import (
	"os"
	"testing"
)

func TestAccountsOfTheMachine(t *testing.T) {
	root, found := lookupUser("root")
	if !found || root.UID != 0 || root.GID != 0 || root.Name != "root" || root.Home == "" || root.Shell == "" {
		t.Errorf("got %+v", root)
	}
	if same, found := lookupUser("0"); !found || same != root {
		t.Errorf("by number: %+v", same)
	}
	if gid, found := lookupGroup("root"); !found || gid != 0 {
		t.Errorf("group root is %d", gid)
	}
	for _, name := range []string{"no-such-account", "4294967295", "4000000000", ""} {
		if got, found := lookupUser(name); found {
			t.Errorf("user %q is %+v", name, got)
		}
		if got, found := lookupGroup(name); found {
			t.Errorf("group %q is %d", name, got)
		}
	}
}

func TestGetentAnswersAsTheFilesDo(t *testing.T) {
	if _, err := os.Stat(getentPath); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if entry := findEntry(getent("passwd", "root"), "root"); len(entry) != 7 || entry[2] != "0" {
		t.Errorf("got %q", entry)
	}
	if answer := getent("passwd", "no-such-account"); len(answer) > 0 {
		t.Errorf("got %q", answer)
	}
}

// TestANameOfDigitsIsANumber: an account called 33 must not stand for uid 33.
func TestANameOfDigitsIsANumber(t *testing.T) {
	table := []byte("33:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/sh\nshort:x:1\n")
	if got := findEntry(table, "33"); got == nil || got[0] != "www-data" {
		t.Errorf("got %q", got)
	}
	if got := findEntry(table, "short"); got != nil {
		t.Errorf("a broken line is an account: %q", got)
	}
}

func TestEachNameIsAskedForOnce(t *testing.T) {
	asked := 0
	look := remembered(func(name string) (int, bool) { asked++; return len(name), name != "" })
	for range 3 {
		if got, found := look("abc"); got != 3 || !found {
			t.Errorf("got %d, %v", got, found)
		}
		if _, found := look(""); found {
			t.Error("nothing is found")
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}
