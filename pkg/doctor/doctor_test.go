package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/store"
	"systemg.org/sysg/pkg/sys"
)

// healthy is a look in which shop/web runs as process 10, in a leaf of its own.
func healthy() *Look {
	launch := spec.Launch{Project: "shop", Service: "web", Role: "main", Incarnation: "aa"}
	return &Look{
		Boot: "boot",
		Survey: &api.Survey{
			PID: 2, Connected: true,
			Services: []api.SurveyedService{{Project: "shop", Service: "web", Phase: "ready", Incarnation: "aa", Wanted: true}},
			Runs:     []api.SurveyedRun{{Project: "shop", Service: "web", Incarnation: "aa", Role: "main", PID: 10, Cgroup: "x", Occupies: true}},
		},
		Records: map[string]Record{"aa": {Record: spec.Record{Launch: launch, PID: 10, Cgroup: "x"}, Boot: "boot", StartTicks: 5}},
		Stored: map[string]store.Project{"shop": {
			State:     store.State{Services: map[string]store.Service{"web": {Want: store.Up, Phase: "ready"}}},
			Processes: store.Processes{BootID: "boot", Services: map[string]store.Process{"web": {PID: 10, Incarnation: "aa"}}},
		}},
		Installed: map[string]error{"shop": nil}, Broken: map[string]error{}, Rolling: map[string]bool{},
		Processes:  map[int]sys.ProcStat{10: {PID: 10, Parent: 3, Session: 10, Started: 5, State: 'S'}},
		Leaves:     map[string]Leaf{"aa": {Project: "shop", Service: "web", Main: true, PIDs: []int{10}}},
		Marks:      map[int]string{},
		Supervisor: 2, Helper: 3,
	}
}

// found are the rules that suspect something.
func found(l *Look) string {
	var names []string
	for _, rule := range rules {
		for _, s := range rule(l) {
			names = append(names, s.Rule)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

// second is another incarnation of shop/web, as process 11.
func second(l *Look) {
	record := l.Records["aa"]
	record.Record.Launch.Incarnation, record.Record.PID = "bb", 11
	l.Records["bb"] = record
	l.Processes[11] = sys.ProcStat{PID: 11, Parent: 3, Session: 11, Started: 5, State: 'S'}
	l.Leaves["bb"] = Leaf{Project: "shop", Service: "web", Main: true, PIDs: []int{11}}
	l.Survey.Runs = append(l.Survey.Runs, api.SurveyedRun{Project: "shop", Service: "web", Incarnation: "bb", Role: "main", PID: 11, Cgroup: "x"})
}

func TestWhatIsSuspected(t *testing.T) {
	zombie := sys.ProcStat{PID: 10, Parent: 3, Started: 5, State: 'Z'}
	for _, test := range []struct {
		name   string
		change func(l *Look)
		want   string
	}{
		{"nothing", func(*Look) {}, ""},
		{"its process has gone", func(l *Look) { delete(l.Processes, 10) }, "running-pid-dead"},
		{"its process is a zombie", func(l *Look) { l.Processes[10] = zombie }, "running-pid-zombie"},
		{"its number is another's", func(l *Look) {
			l.Processes[10] = sys.ProcStat{PID: 10, Parent: 3, Session: 10, Started: 6, State: 'S'}
		}, "pid-reuse"},
		{"it runs without a run", func(l *Look) { l.Survey.Runs[0].Occupies = false }, "running-without-pid"},
		{"it waits without a run", func(l *Look) {
			l.Survey.Runs[0].Occupies, l.Survey.Services[0].Phase = false, "waiting"
			l.Stored["shop"].State.Services["web"] = store.Service{Want: store.Up, Phase: "waiting"}
		}, ""},
		{"pid.json has what has ended", func(l *Look) {
			l.Stored["shop"].Processes.Services["web"] = store.Process{PID: 9, Incarnation: "old"}
		}, "pidfile-stale-entry"},
		{"two incarnations", second, "two-incarnations"},
		{"two, one of which is a candidate", func(l *Look) { second(l); l.Rolling["shop/web"] = true }, ""},
		{"two, one of which has ended", func(l *Look) {
			second(l)
			l.Leaves["bb"], l.Survey.Runs[1].Exited = Leaf{}, true
			delete(l.Processes, 11)
		}, ""},
		{"two without cgroups", func(l *Look) { second(l); l.Leaves = nil; l.Survey.Runs[0].Cgroup, l.Survey.Runs[1].Cgroup = "", "" }, "two-incarnations"},
		{"its process is elsewhere", func(l *Look) { l.Leaves["aa"] = Leaf{PIDs: []int{12}} }, "process-outside-leaf"},
		{"a leaf of nobody", func(l *Look) { l.Leaves["cc"] = Leaf{Project: "shop", PIDs: []int{12}} }, "leaf-without-run"},
		{"an end that nobody waits for", func(l *Look) {
			l.Records["dd"] = Record{Record: spec.Record{Launch: spec.Launch{Role: "health"}, Emptied: true}, Boot: "boot"}
		}, "unacknowledged-run"},
		{"a record of another boot", func(l *Look) { l.Records["dd"] = Record{Boot: "other"} }, ""},
		{"a run that nobody knows", func(l *Look) {
			l.Records["dd"] = Record{Record: spec.Record{Launch: spec.Launch{Role: "health"}}, Boot: "boot"}
		}, "unknown-run"},
		{"a run without a record", func(l *Look) { delete(l.Records, "aa") }, "run-without-record"},
		{"a run that ended long ago", func(l *Look) {
			l.Survey.Runs = append(l.Survey.Runs, api.SurveyedRun{Incarnation: "ee", Exited: true, Emptied: true})
		}, "run-not-forgotten"},
		{"an orphan", func(l *Look) { l.Processes[13] = sys.ProcStat{PID: 13, Parent: 3, Session: 9, State: 'S'} }, "orphaned-child"},
		{"an orphan that is marked", func(l *Look) {
			l.Processes[13] = sys.ProcStat{PID: 13, Parent: 3, Session: 9, State: 'S'}
			l.Marks[13] = "aa"
		}, ""},
		{"an orphan of the session", func(l *Look) { l.Processes[13] = sys.ProcStat{PID: 13, Parent: 3, Session: 10, State: 'S'} }, ""},
		{"a generation that cannot be read", func(l *Look) { l.Installed["shop"] = errors.New("gone") }, "generation-unreadable"},
		{"a state file that does not hold", func(l *Look) { l.Broken["shop"] = errors.New("corrupt") }, "state-unreadable"},
		{"a state file that says otherwise", func(l *Look) { l.Survey.Services[0].Wanted = false }, "state-disagrees"},
		{"a state file with another phase", func(l *Look) { l.Survey.Services[0].Phase = "starting" }, "state-disagrees"},
		{"a closed socket", func(l *Look) { l.Closed = map[string][]string{"shop/web": {"gone"}} }, "socket-closed"},
		{"a closed socket of what is down", func(l *Look) {
			l.Closed = map[string][]string{"shop/web": {"gone"}}
			l.Survey.Runs[0].Occupies, l.Survey.Services[0].Phase = false, "waiting"
			l.Stored["shop"].State.Services["web"] = store.Service{Want: store.Up, Phase: "waiting"}
		}, ""},
		{"a deaf socket", func(l *Look) { l.Deaf = []string{"/x"} }, "socket-without-owner"},
		{"a lock of another", func(l *Look) { l.Supervisor = 99 }, "lock-of-another"},
		{"no connection to sysg-exec", func(l *Look) { l.Survey.Connected = false; delete(l.Records, "aa") }, ""},
		{"no supervisor, and all is well", func(l *Look) { l.Survey = nil }, ""},
		{"no supervisor, and its process has gone", func(l *Look) { l.Survey = nil; delete(l.Processes, 10) }, "running-pid-dead"},
		{"no supervisor, files of another boot", func(l *Look) { l.Survey, l.Boot = nil, "next"; delete(l.Processes, 10) }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := healthy()
			if l.Survey != nil {
				l.Stored["shop"].State.Services["web"] = store.Service{Want: store.Up, Phase: "ready", Incarnation: "aa"}
			}
			test.change(l)
			if got := found(l); got != test.want {
				t.Errorf("suspects %q, want %q", got, test.want)
			}
		})
	}
}

// instance is one on disk, of which the supervisor says what is given.
func examine(t *testing.T, surveys ...*api.Survey) ([]Finding, int) {
	t.Helper()
	asked := 0
	findings, err := Examine(Instance{State: t.TempDir(), Runtime: t.TempDir()}, func() (*api.Survey, error) {
		survey := surveys[min(asked, len(surveys)-1)]
		asked++
		return survey, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return findings, asked
}

func surveyed(since string) *api.Survey {
	return &api.Survey{Services: []api.SurveyedService{{Project: "shop", Service: "web", Phase: "ready", Since: since}}}
}

func TestASuspicionIsAFindingOnlyIfItLasts(t *testing.T) {
	if findings, asked := examine(t, &api.Survey{}); len(findings) != 0 || asked != 1 {
		t.Errorf("with nothing to suspect: %v after %d looks", findings, asked)
	}
	// What lasts is found, among others that its project is not installed.
	findings, asked := examine(t, surveyed("1"))
	if !slices.ContainsFunc(findings, func(f Finding) bool { return f.Rule == "running-without-pid" && f.Severity == Error }) || asked != 1+len(pauses) {
		t.Errorf("what lasts: %v after %d looks", findings, asked)
	}
	// What is of another moment each time is no finding.
	findings, _ = examine(t, surveyed("1"), surveyed("2"), surveyed("3"), surveyed("4"))
	if len(findings) != 1 || findings[0].Rule != "generation-unreadable" {
		t.Errorf("what changes: %v", findings)
	}
}

func TestWhoHoldsALock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := sys.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	table, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	if got := holder(string(table), path); got != os.Getpid() {
		t.Errorf("process %d, want %d", got, os.Getpid())
	}
	if got := holder(string(table), path+"x"); got != 0 {
		t.Errorf("a file that is not there is held by %d", got)
	}
	const waiting = "1: FLOCK  ADVISORY  WRITE 7 00:2a:67890 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 8 00:2a:67890 0 EOF\n2: POSIX  ADVISORY  WRITE 9 00:2a:678901 0 EOF\n"
	if got := Holders(waiting, 67890); !slices.Equal(got, []int{7}) {
		t.Errorf("held by %v, want only 7", got)
	}
}
