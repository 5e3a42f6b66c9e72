package probe

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestParseNotification(t *testing.T) {
	for text, want := range map[string]Notification{
		"READY=1":                                {Ready: true},
		"READY=1\nSTATUS=up and running\n":       {Ready: true, Status: "up and running", HasStatus: true},
		"STATUS=":                                {HasStatus: true},
		"STATUS=a=b":                             {Status: "a=b", HasStatus: true},
		"STATUS=\x1b[31mred\x00\xff":             {Status: "[31mred �", HasStatus: true},
		"READY=0":                                {},
		"READY":                                  {},
		"ready=1":                                {},
		" READY=1":                               {},
		"RELOADING=1\nMONOTONIC_USEC=12345":      {Reloading: true},
		"STOPPING=1":                             {Stopping: true},
		"MAINPID=4711":                           {MainPID: 4711},
		"MAINPID=1":                              {},
		"MAINPID=-5":                             {},
		"MAINPID=99999999999":                    {},
		"MAINPID=0x10":                           {},
		"WATCHDOG=1":                             {Watchdog: true},
		"WATCHDOG=trigger":                       {Trigger: true},
		"WATCHDOG_USEC=20000000":                 {Period: 20 * time.Second},
		"WATCHDOG_USEC=18446744073709551615":     {Period: maxPeriod},
		"WATCHDOG_USEC=-1":                       {},
		"EXTEND_TIMEOUT_USEC=500000":             {Extend: 500 * time.Millisecond},
		"FDSTORE=1\nFDNAME=state":                {Store: true, Name: "state"},
		"FDSTORE=1\nFDNAME=a:b":                  {Store: true},
		"FDSTOREREMOVE=1\nFDNAME=state":          {Remove: true, Name: "state"},
		"BARRIER=1":                              {Barrier: true},
		"ERRNO=2\nEXIT_STATUS=1\nX_OURS=1\n\nno": {},
		"":                                       {},
	} {
		if got := ParseNotification(text); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

func TestAStatusIsBoundedAndStaysText(t *testing.T) {
	got := ParseNotification("STATUS=" + strings.Repeat("ü", 2000)).Status
	if len(got) > maxStatus || !utf8.ValidString(got) || len(got) < maxStatus-3 {
		t.Errorf("%d bytes, valid %t", len(got), utf8.ValidString(got))
	}
}

func FuzzParseNotification(f *testing.F) {
	f.Add("READY=1\nSTATUS=x\nMAINPID=2\nFDNAME=a")
	f.Add("WATCHDOG_USEC=1\nEXTEND_TIMEOUT_USEC=99999999999999999999")
	f.Fuzz(func(t *testing.T, text string) {
		n := ParseNotification(text)
		if n.Period < 0 || n.Extend < 0 || n.MainPID < 0 || len(n.Status) > maxStatus || !utf8.ValidString(n.Status) || len(n.Name) > 255 {
			t.Errorf("%+v", n)
		}
	})
}
