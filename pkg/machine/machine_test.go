package machine

import (
	"flag"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
)

var update = flag.Bool("update", false, "write the golden file anew")

func TestNoCellIsEmpty(t *testing.T) {
	for i, state := range States {
		for j, event := range Events {
			if table[i][j].kind == "" {
				t.Errorf("%s × %s is empty", state, event)
			}
		}
	}
}

// TestTableIsWrittenUnderItsHeadings holds the comments in table.go, by which
// people read it, to the order in which the compiler reads it.
func TestTableIsWrittenUnderItsHeadings(t *testing.T) {
	source, err := os.ReadFile("table.go")
	if err != nil {
		t.Fatal(err)
	}
	words, err := os.ReadFile("words.go")
	if err != nil {
		t.Fatal(err)
	}
	name := func(word string) string {
		match := regexp.MustCompile(`\b(\w+)\s+(?:State|Event)\s*=\s*"` + word + `"`).FindSubmatch(words)
		if match == nil {
			t.Fatalf("no constant for %q", word)
		}
		return string(match[1])
	}
	var want []string
	for _, state := range States {
		want = append(want, name(string(state)))
		for _, event := range Events {
			want = append(want, name(string(event)))
		}
	}
	var got []string
	for _, match := range regexp.MustCompile(`\{ // (\w+)|/\* (\w+) +\*/`).FindAllStringSubmatch(string(source), -1) {
		got = append(got, match[1]+match[2])
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("headings\n%s\nwant\n%s", got, want)
	}
}

func TestTableGolden(t *testing.T) {
	const path = "testdata/table.txt"
	got := Print()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the table changed; if meant, run with -update and review:\n%s", got)
	}
}

// world is the reality that the random walk plays against the table: what
// sysg-exec would know.
type world struct {
	asked, main, rest bool // a launch without answer, a main process, anything alive
	prepares          bool
}

// possible lists the events that such a world can produce in state.
func (w *world) possible(state State) []Event {
	events := []Event{Start, Stop, Restart}
	if state == Waiting {
		events = append(events, Release)
	}
	if w.prepares {
		events = append(events, Exited, Retry, Fail, GiveUp)
		if state == Preparing {
			events = append(events, Prepared)
		}
	}
	if w.asked {
		events = append(events, Launched, Retry, Fail, GiveUp)
	}
	if w.main {
		events = append(events, Exited)
		if state == Starting || state == Ready {
			events = append(events, Readied, Condemn)
		}
	}
	if !w.main && w.rest && (state == Ending || state == Stopping || state == Restarting) {
		events = append(events, Finish, Retry, Fail, GiveUp)
	}
	if state == Stopping || state == Restarting || state == Ending {
		events = append(events, Overdue)
	}
	if state == Ready {
		events = append(events, Steady)
	}
	if state == BackingOff || state == GivenUp {
		events = append(events, Due)
	}
	return events
}

func (w *world) happens(event Event) {
	switch event {
	case Launched:
		w.asked, w.main, w.rest = false, true, true
	case Exited:
		w.main, w.rest, w.prepares = false, true, false
	case Prepared:
		w.prepares = false
	case Finish, Retry, Fail, GiveUp:
		*w = world{}
	}
}

func (w *world) carry(t *testing.T, trail []string, effects []Effect) {
	t.Helper()
	for _, effect := range effects {
		switch effect {
		case DoLaunch:
			if w.asked || w.rest || w.prepares {
				t.Fatalf("a second incarnation would live: %v", trail)
			}
			w.asked = true
		case DoPrepare:
			if w.asked || w.rest {
				t.Fatalf("prepares while something lives: %v", trail)
			}
			w.prepares = true
		}
	}
}

func TestRandomLivesNeverHaveTwoIncarnations(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		state, w, trail := Down, world{}, []string{}
		for range 200 {
			events := w.possible(state)
			event := events[random.IntN(len(events))]
			trail = append(trail, string(state)+"×"+string(event))
			w.happens(event)
			next, effects := Next(state, event)
			w.carry(t, trail, effects)
			state = next
			if (w.asked || w.rest || w.prepares) && !state.Alive() {
				t.Fatalf("%s, but something lives: %v", state, trail)
			}
			if !w.asked && !w.rest && !w.prepares && (state == Starting || state == Ready) {
				t.Fatalf("%s without a process: %v", state, trail)
			}
		}
	}
}

// TestEveryEventThatReallyComesIsExpected: a world's events never meet a cell
// that says they cannot come.
func TestEveryEventThatReallyComesIsExpected(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		state, w := Down, world{}
		for range 200 {
			events := w.possible(state)
			event := events[random.IntN(len(events))]
			for i := range States {
				for j := range Events {
					if States[i] == state && Events[j] == event && table[i][j].kind == cannot {
						t.Fatalf("%s × %s comes but is marked as impossible", state, event)
					}
				}
			}
			w.happens(event)
			next, effects := Next(state, event)
			w.carry(t, nil, effects)
			state = next
		}
	}
}

func TestJudge(t *testing.T) {
	zero := []generation.Exit{{Code: 0}}
	service := func(policy generation.Policy, no ...generation.Exit) generation.Service {
		return generation.Service{
			Success: zero, NoRestart: no,
			Restart: generation.Restart{Policy: policy, MaxRestarts: 2},
		}
	}
	tests := []struct {
		name     string
		service  generation.Service
		end      End
		restarts int
		want     Event
	}{
		{"one-shot that succeeds is done", service(generation.Never), End{}, 0, Finish},
		{"one-shot that fails stays failed", service(generation.Never), End{Code: 1}, 0, Fail},
		{"on-failure leaves a clean exit", service(generation.OnFailure), End{}, 0, Finish},
		{"on-failure tries again", service(generation.OnFailure), End{Code: 1}, 0, Retry},
		{"a signal is a failure", service(generation.OnFailure), End{Signal: 9}, 1, Retry},
		{"the budget is real restarts", service(generation.OnFailure), End{Signal: 9}, 2, GiveUp},
		{"always restarts after a clean exit", service(generation.Always), End{}, 0, Retry},
		{"always has a budget too", service(generation.Always), End{}, 2, GiveUp},
		{"a code listed in no_restart ends it", service(generation.Always, generation.Exit{Code: 7}), End{Code: 7}, 0, Fail},
		{"a signal listed in no_restart ends it", service(generation.Always, generation.Exit{Signal: 15}), End{Signal: 15}, 0, Fail},
		{"exit code 0 is not signal 0 of a list of signals", service(generation.Always, generation.Exit{Signal: 15}), End{}, 0, Retry},
		{"condemned with exit 0 is a failure", service(generation.OnFailure), End{Condemned: true}, 0, Retry},
		{"condemned one-shot fails", service(generation.Never), End{Condemned: true}, 0, Fail},
		{"an end nobody saw is a failure", service(generation.Never), End{Unknown: true}, 0, Fail},
	}
	for _, test := range tests {
		if got := Judge(test.service, test.end, test.restarts); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestDelayDoublesUpToItsCap(t *testing.T) {
	restart := generation.Restart{Backoff: time.Second, MaxBackoff: 5 * time.Second}
	want := []time.Duration{1, 2, 4, 5, 5}
	for restarts, seconds := range want {
		if got := Delay(restart, restarts); got != seconds*time.Second {
			t.Errorf("after %d restarts %s, want %ds", restarts, got, seconds)
		}
	}
	if got := Delay(generation.Restart{MaxBackoff: time.Minute}, 1000); got != 0 {
		t.Errorf("no backoff grew to %s", got)
	}
	if got := Delay(generation.Restart{Backoff: time.Hour, MaxBackoff: time.Minute}, 3); got != time.Hour {
		t.Errorf("a cap below the first delay shortened it to %s", got)
	}
}
