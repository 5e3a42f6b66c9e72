package generation

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/spec"
)

var sum = strings.Repeat("0a", 32)

// lively is shop with all that a service can have beside its process. Some of
// it excludes other parts in a manifest, but not here.
func lively() *Generation {
	g := shop()
	s, l := api(g)
	g.Supervise.Settings = Settings{MaxConcurrent: 4}
	g.Supervise.Sources = []Source{{"/srv/shop/systemg.yaml", sum}, {"/srv/shop/.env", ""}}
	g.Launch.Variables = []string{"HOST=db.example", "UNSET"}
	s.Skip, s.SkipTimeout = SkipByCommand, time.Minute
	s.Liveness = &Probe{TCP: "localhost:80", Interval: time.Second, AttemptTimeout: time.Second, Retries: 3}
	s.Watchdog, s.Notify = time.Second, true
	s.Hooks = []Hook{{spec.RoleOnStart, time.Second}, {spec.RoleOnErr, time.Second}}
	s.Cron = &Cron{Expression: "@hourly", Timezone: "UTC", Overlap: OverlapQueue, CatchUp: true, Jitter: time.Second, Timeout: time.Hour, History: 50}
	s.Rolling = &Rolling{Grace: time.Second, BlueGreen: &BlueGreen{
		Slots: [2]string{"3000", "3001"}, Timeout: time.Minute, Verify: true, StatePath: "/srv/shop/slot",
		Check: &Probe{URL: "http://localhost:{slot}/", Interval: time.Second, AttemptTimeout: time.Second, Retries: 1},
	}}
	s.Sockets = []Socket{{Name: "http", Kind: SocketTCP, Address: "[::]:80"}, {Name: "app", Kind: SocketUnix, Address: "/run/app", Mode: 0o660}}
	s.Lazy = true
	s.Spawn = &Spawn{Children: 1, Depth: 1, Descendants: 1, TotalMemory: 1 << 20, Termination: TerminateReparent}
	s.Metrics = &Metrics{Interval: time.Second, Retention: time.Hour, MaxMemory: 1 << 20, SpilloverDir: "/srv/spill", SpilloverMax: 1, SpilloverSegment: 1}
	s.Stop.Command = true
	s.Ready = Ready{By: ByFD, FD: 5, StableFor: time.Second, Timeout: time.Minute}
	for _, role := range []spec.Role{spec.RoleSkip, spec.RoleOnStart, spec.RoleOnErr, spec.RoleSwitch, spec.RoleVerify, spec.RoleStop} {
		l.Roles = append(l.Roles, Command{role, []string{"./" + string(role)}})
	}
	l.Affinity, l.IOPriority, l.NoNewPrivs = []uint64{0, 1}, 3<<13, true
	l.Notify, l.Watchdog, l.ReadyFD, l.Sockets, l.Spawn = true, s.Watchdog, 5, s.Sockets, s.Spawn
	l.SlotVar, l.Slots = "PORT", s.Rolling.BlueGreen.Slots
	l.Layers[0].Sum = sum
	Seal(g)
	return g
}

func TestTheWholeLifeComesBackAsItWent(t *testing.T) {
	want := lively()
	text, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestFilesAndSettingsAreNoPartOfTheHash(t *testing.T) {
	want, other := lively(), lively()
	other.Supervise.Settings, other.Supervise.Sources, other.Launch.Variables = Settings{}, nil, nil
	Seal(other)
	if want.Supervise.Hash != other.Supervise.Hash {
		t.Error("settings, sources or recorded variables change the hash")
	}
	_, l := api(other)
	l.Layers[0].Sum = strings.Repeat("0b", 32)
	before := other.Supervise.Services[0].Hash
	Seal(other)
	if other.Supervise.Services[0].Hash == before || other.Supervise.Hash == want.Supervise.Hash {
		t.Error("an env file changed, and its service did not")
	}
}

func TestTheSameContentTakesOverFilesAndSettings(t *testing.T) {
	store := Store{Dir: t.TempDir() + "/generations"}
	g := lively()
	if _, _, err := store.Install(g); err != nil {
		t.Fatal(err)
	}
	g = lively()
	g.Supervise.Settings.MaxConcurrent, g.Supervise.Sources[0].Sum = 9, strings.Repeat("0c", 32)
	g.Launch.Variables = []string{"HOST=other"}
	number, changed, err := store.Install(g)
	if err != nil || changed || number != 1 {
		t.Fatalf("got number %d, changed %v, %v", number, changed, err)
	}
	got, err := (&Store{Dir: store.Dir}).Load("shop", 1)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Supervise.Sources, g.Supervise.Sources) || got.Supervise.Settings != g.Supervise.Settings ||
		!reflect.DeepEqual(got.Launch.Variables, g.Launch.Variables) {
		t.Errorf("got %+v, %+v and %v", got.Supervise.Sources, got.Supervise.Settings, got.Launch.Variables)
	}
}

func TestLivesThatAreRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Generation, *Service, *LaunchService)
		want   string
	}{
		{"fewer than no starts at a time", func(g *Generation, _ *Service, _ *LaunchService) { g.Supervise.Settings.MaxConcurrent = -1 }, "max_concurrent"},
		{"a source without a place", func(g *Generation, _ *Service, _ *LaunchService) { g.Supervise.Sources[0].Path = "x" }, "source"},
		{"a source with half a sum", func(g *Generation, _ *Service, _ *LaunchService) { g.Supervise.Sources[0].Sum = "0a" }, "source"},
		{"a recorded variable without a name", func(g *Generation, _ *Service, _ *LaunchService) { g.Launch.Variables[0] = "=x" }, "recorded"},
		{"an unknown skip", func(_ *Generation, s *Service, _ *LaunchService) { s.Skip = "maybe" }, "skip"},
		{"a skip without its command", func(_ *Generation, s *Service, _ *LaunchService) { s.Skip = SkipAlways }, "role skip"},
		{"a skip in negative time", func(_ *Generation, s *Service, _ *LaunchService) { s.SkipTimeout = -1 }, "skip"},
		{"a liveness in two ways", func(_ *Generation, s *Service, _ *LaunchService) { s.Liveness.Unix = "/x" }, "liveness"},
		{"a liveness without its command", func(_ *Generation, s *Service, _ *LaunchService) { s.Liveness.TCP = "" }, "role liveness"},
		{"a watchdog that nobody hears", func(_ *Generation, s *Service, l *LaunchService) { s.Notify, l.Notify = false, false }, "watchdog"},
		{"a watchdog that only one part knows", func(_ *Generation, _ *Service, l *LaunchService) { l.Watchdog = 0 }, "agree"},
		{"a hook of another role", func(_ *Generation, s *Service, _ *LaunchService) { s.Hooks[0].Role = spec.RoleStop }, "hook"},
		{"a hook twice", func(_ *Generation, s *Service, _ *LaunchService) { s.Hooks[0].Role = spec.RoleOnErr }, "hook"},
		{"a hook without time", func(_ *Generation, s *Service, _ *LaunchService) { s.Hooks[0].Timeout = 0 }, "hook"},
		{"a hook without its command", func(_ *Generation, s *Service, _ *LaunchService) {
			s.Hooks = s.Hooks[:1]
			s.Hooks[0].Role = spec.RoleOnExit
		}, "role on"},
		{"a cron without expression", func(_ *Generation, s *Service, _ *LaunchService) { s.Cron.Expression = "" }, "cron"},
		{"an unknown overlap", func(_ *Generation, s *Service, _ *LaunchService) { s.Cron.Overlap = "" }, "cron"},
		{"a cron without history", func(_ *Generation, s *Service, _ *LaunchService) { s.Cron.History = 0 }, "cron"},
		{"a negative grace", func(_ *Generation, s *Service, _ *LaunchService) { s.Rolling.Grace = -1 }, "rolling"},
		{"equal slots", func(_ *Generation, s *Service, _ *LaunchService) { s.Rolling.BlueGreen.Slots[1] = "3000" }, "rolling"},
		{"a switch without time", func(_ *Generation, s *Service, _ *LaunchService) { s.Rolling.BlueGreen.Timeout = 0 }, "rolling"},
		{"a slot's file anywhere", func(_ *Generation, s *Service, _ *LaunchService) { s.Rolling.BlueGreen.StatePath = "x" }, "rolling"},
		{"a verification without its command", func(_ *Generation, s *Service, _ *LaunchService) { s.Rolling.BlueGreen.Verify = false }, "role switch_verify"},
		{"a slot without its variable", func(_ *Generation, _ *Service, l *LaunchService) { l.SlotVar = "" }, "slot"},
		{"a slot with a NUL", func(_ *Generation, _ *Service, l *LaunchService) { l.Slots[0] = "a\x00" }, "slot"},
		{"a socket without a name", func(_ *Generation, s *Service, l *LaunchService) { s.Sockets[0].Name = ""; l.Sockets = s.Sockets }, "socket"},
		{"two sockets of one name", func(_ *Generation, s *Service, l *LaunchService) { s.Sockets[0].Name = "app"; l.Sockets = s.Sockets }, "socket"},
		{"an unknown kind of socket", func(_ *Generation, s *Service, l *LaunchService) { s.Sockets[0].Kind = "sctp"; l.Sockets = s.Sockets }, "socket"},
		{"a socket at a relative path", func(_ *Generation, s *Service, l *LaunchService) { s.Sockets[1].Address = "run"; l.Sockets = s.Sockets }, "socket"},
		{"a socket's path that is too long", func(_ *Generation, s *Service, l *LaunchService) {
			s.Sockets[1].Address = "/" + strings.Repeat("x", 107)
			l.Sockets = s.Sockets
		}, "socket"},
		{"sockets that only one part knows", func(_ *Generation, _ *Service, l *LaunchService) { l.Sockets = nil }, "agree"},
		{"lazy without a socket", func(_ *Generation, s *Service, l *LaunchService) { s.Sockets, l.Sockets = nil, nil }, "lazy"},
		{"a descriptor that is a socket's", func(_ *Generation, s *Service, l *LaunchService) { s.Ready.FD, l.ReadyFD = 4, 4 }, "ready"},
		{"a descriptor that only one part knows", func(_ *Generation, _ *Service, l *LaunchService) { l.ReadyFD = 0 }, "agree"},
		{"ready by a log without pattern", func(_ *Generation, s *Service, l *LaunchService) { s.Ready, l.ReadyFD = Ready{By: ByLog}, 0 }, "ready"},
		{"an unknown end of children", func(_ *Generation, s *Service, _ *LaunchService) { s.Spawn.Termination = "kill" }, "spawn"},
		{"children that only one part knows", func(_ *Generation, _ *Service, l *LaunchService) { l.Spawn = nil }, "agree"},
		{"metrics too often", func(_ *Generation, s *Service, _ *LaunchService) { s.Metrics.Interval = time.Millisecond }, "metrics"},
		{"metrics spilt anywhere", func(_ *Generation, s *Service, _ *LaunchService) { s.Metrics.SpilloverDir = "x" }, "metrics"},
		{"a stop command that is none", func(_ *Generation, s *Service, _ *LaunchService) { s.Stop.Command = false }, "role stop"},
		{"no CPU", func(_ *Generation, _ *Service, l *LaunchService) { l.Affinity = []uint64{0} }, "cpu_affinity"},
		{"too many CPUs", func(_ *Generation, _ *Service, l *LaunchService) { l.Affinity = make([]uint64, 200); l.Affinity[0] = 1 }, "cpu_affinity"},
		{"an I/O class that is none", func(_ *Generation, _ *Service, l *LaunchService) { l.IOPriority = 4 << 13 }, "ionice"},
		{"an I/O level that is none", func(_ *Generation, _ *Service, l *LaunchService) { l.IOPriority = 2<<13 | 8 }, "ionice"},
		{"the sum of no file", func(_ *Generation, _ *Service, l *LaunchService) { l.Layers[1].Sum = sum }, "sum"},
		{"half a sum", func(_ *Generation, _ *Service, l *LaunchService) { l.Layers[0].Sum = "0a" }, "sum"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := lively()
			s, l := api(g)
			test.change(g, s, l)
			Seal(g)
			err := g.Validate()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want a refusal with %q", err, test.want)
			}
		})
	}
}
