package manifest

import (
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
)

// expectation is one word, what it means, and whether it means anything.
type expectation[V comparable] struct {
	word string
	want V
	ok   bool
}

func checkWords[V comparable](t *testing.T, parse func(string) (V, error), tests []expectation[V]) {
	t.Helper()
	for _, test := range tests {
		got, err := parse(test.word)
		if (err == nil) != test.ok || test.ok && got != test.want {
			t.Errorf("%q: got %v, %v; want %v, ok %v", test.word, got, err, test.want, test.ok)
		}
	}
}

func TestDurations(t *testing.T) {
	checkWords(t, parseDuration, []expectation[time.Duration]{
		{"0", 0, true},
		{"5", 5 * time.Second, true},
		{"+5", 5 * time.Second, true},
		{"500ms", 500 * time.Millisecond, true},
		{"5s", 5 * time.Second, true},
		{"5 s", 5 * time.Second, true},
		{"2m", 2 * time.Minute, true},
		{"3h", 3 * time.Hour, true},
		{"1d", 24 * time.Hour, true},
		{"1m30s", 90 * time.Second, true},
		{"1h 1m 1s 1ms", time.Hour + time.Minute + time.Second + time.Millisecond, true},
		{"106751d", 106751 * 24 * time.Hour, true},
		{"106752d", 0, false},
		{"9223372036s9223372036s", 0, false},
		{"99999999999999999999s", 0, false},
		{"", 0, false},
		{"s", 0, false},
		{"-5s", 0, false},
		{"1.5s", 0, false},
		{"5w", 0, false},
		{"5us", 0, false},
		{"1m30", 0, false},
		{"5s!", 0, false},
	})
	checkWords(t, parsePositive, []expectation[time.Duration]{{"1ms", time.Millisecond, true}, {"0s", 0, false}})
	checkWords(t, parseRetry, []expectation[time.Duration]{{"never", 0, true}, {"1s", time.Second, true}, {"0", 0, false}, {"Never", 0, false}})
}

func TestSizes(t *testing.T) {
	checkWords(t, parseSize, []expectation[uint64]{
		{"0", 0, true},
		{"1_000", 1000, true},
		{"12B", 12, true},
		{"1K", 1 << 10, true},
		{"1k", 1 << 10, true},
		{"2 MiB", 2 << 20, true},
		{"2MB", 2 << 20, true},
		{"3G", 3 << 30, true},
		{"4T", 4 << 40, true},
		{"18446744073709551615", 1<<64 - 1, true},
		{"16777216T", 0, false},
		{"18446744073709551616", 0, false},
		{"", 0, false},
		{"K", 0, false},
		{"-1", 0, false},
		{"1.5M", 0, false},
		{"1KK", 0, false},
		{"1Ki", 0, false},
		{"1P", 0, false},
		{"1 2", 0, false},
	})
	checkWords(t, parseLogSize, []expectation[uint64]{{"1", 1, true}, {"0", 0, false}, {"9223372036854775808", 0, false}})
}

func TestLimits(t *testing.T) {
	checkWords(t, parseLimit, []expectation[generation.Rlimit]{
		{"1024", generation.Rlimit{Soft: 1024, Hard: 1024}, true},
		{"unlimited", generation.Rlimit{Soft: generation.Unlimited, Hard: generation.Unlimited}, true},
		{"8M:unlimited", generation.Rlimit{Soft: 8 << 20, Hard: generation.Unlimited}, true},
		{"unlimited:8M", generation.Rlimit{}, false},
		{"2:1", generation.Rlimit{}, false},
		{"1:", generation.Rlimit{}, false},
		{"1:2:3", generation.Rlimit{}, false},
	})
}

func TestSignals(t *testing.T) {
	checkWords(t, parseSignal, []expectation[int]{
		{"SIGTERM", 15, true},
		{"term", 15, true},
		{"9", 9, true},
		{"SIGRTMIN", 34, true},
		{"RTMIN+3", 37, true},
		{"SIGRTMAX-1", 63, true},
		{"SIGRTMAX", 64, true},
		{"64", 64, true},
		{"0", 0, false},
		{"32", 0, false},
		{"65", 0, false},
		{"-9", 0, false},
		{"SIGRTMIN-1", 0, false},
		{"SIGRTMIN+31", 0, false},
		{"SIGRTMIN+", 0, false},
		{"SIGRTMAX+1", 0, false},
		{"SIG", 0, false},
		{"", 0, false},
	})
	checkWords(t, parseExit, []expectation[generation.Exit]{
		{"0", generation.Exit{}, true},
		{"255", generation.Exit{Code: 255}, true},
		{"SIGINT", generation.Exit{Signal: 2}, true},
		{"256", generation.Exit{}, false},
		{"-1", generation.Exit{}, false},
	})
}

func TestUmasks(t *testing.T) {
	checkWords(t, parseUmask, []expectation[uint32]{
		{"0022", 0o022, true},
		{"22", 0o022, true},
		{"0o77", 0o077, true},
		{"777", 0o777, true},
		{"1000", 0, false},
		{"8", 0, false},
		{"", 0, false},
		{"-1", 0, false},
	})
}

func TestLooseIDsAreStableAndSafe(t *testing.T) {
	for _, test := range []struct{ path, want string }{
		{"/srv/app/systemg.yaml", "systemg-8781af0392befc02"},
		{"/srv/My App (2).yaml", "my-app-2-" + looseID("/srv/My App (2).yaml")[9:]},
		{"/srv/.yaml", "loose-" + looseID("/srv/.yaml")[6:]},
		{"/srv/ünïcode.yaml", "n-code-" + looseID("/srv/ünïcode.yaml")[7:]},
	} {
		got := looseID(test.path)
		if err := checkID(got); got != test.want || err != nil {
			t.Errorf("%q: got %q (%v), want %q", test.path, got, err, test.want)
		}
	}
	if looseID("/a/x.yaml") == looseID("/b/x.yaml") {
		t.Error("two files of one name have one id")
	}
}

func TestNearestKey(t *testing.T) {
	for _, test := range []struct{ word, want string }{
		{"comand", "command"},
		{"commnad", "command"},
		{"Command", "command"},
		{"envs", "env"},
		{"depend_on", "depends_on"},
		{"colour", ""},
		{"x", ""},
		{"", ""},
	} {
		if got, _ := Nearest(test.word, serviceObject.names()); got != test.want {
			t.Errorf("%q: got %q, want %q", test.word, got, test.want)
		}
	}
}
