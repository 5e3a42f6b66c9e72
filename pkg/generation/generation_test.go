package generation

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/spec"
)

func shopService(name string, dependsOn ...Dependency) Service {
	return Service{
		Name: name, Command: "./" + name + " --token ${TOKEN}", DependsOn: dependsOn,
		Restart: Restart{Policy: Always, Backoff: time.Second, MaxBackoff: time.Minute, MaxRestarts: 8, StableAfter: time.Minute},
		Success: []Exit{{}, {Code: 143}}, NoRestart: []Exit{{Signal: 2}},
		Stop:  Stop{Signal: 15, Timeout: 10 * time.Second},
		Ready: Ready{By: ByStable, StableFor: 250 * time.Millisecond, Timeout: time.Minute},
		Logs:  Logs{Sink: SinkFile, MaxBytes: 10 << 20, MaxFiles: 5},
	}
}

func shopLaunch(name string) LaunchService {
	return LaunchService{
		Name: name, Dir: "/srv/shop", Umask: 0o022,
		Roles: []Command{{spec.RoleMain, []string{"/bin/sh", "-c", "exec ./" + name}}},
	}
}

// shop is a valid generation that uses every field.
func shop() *Generation {
	nice, score := -5, 500
	api := shopService("api", Dependency{Service: "db", Condition: Healthy}, Dependency{Service: "seed", Condition: Completed, Keep: true})
	api.Ready = Ready{By: ByHealth, Timeout: time.Minute}
	api.Health = &Probe{Interval: time.Second, AttemptTimeout: time.Second, TotalTimeout: time.Minute, Retries: 3}
	api.PreStart = &PreStart{Timeout: time.Minute}
	apiLaunch := shopLaunch("api")
	apiLaunch.Roles = append(apiLaunch.Roles,
		Command{spec.RoleHealth, []string{"./probe", ""}},
		Command{spec.RolePreStart, []string{"./migrate"}})
	apiLaunch.Layers = []Layer{{File: "/srv/shop/.env", Optional: true}, {Vars: []string{"TOKEN=secret=1", "EMPTY="}}}
	apiLaunch.Strip = []string{"DISPLAY"}
	apiLaunch.NoInherit = true
	apiLaunch.Rlimits = []Rlimit{{"nofile", 1024, 4096}, {"core", 0, Unlimited}}
	apiLaunch.Nice, apiLaunch.OOMScore = &nice, &score
	g := &Generation{
		Supervise: Supervise{
			Format: Format, Project: "shop", Name: "The shop", Manifest: "/srv/shop/systemg.yaml", Loose: true,
			Services: []Service{shopService("seed", Dependency{Service: "db", Condition: Started}), api, shopService("db")},
		},
		Launch: Launch{
			Format: Format, Project: "shop", Inherited: []string{"PATH=/bin", "BASH_FUNC_x%%=() { :; }"},
			Services: []LaunchService{shopLaunch("seed"), shopLaunch("db"), apiLaunch},
		},
	}
	Seal(g)
	return g
}

// api is the service with every field in both parts, db the one with few.
func api(g *Generation) (*Service, *LaunchService) {
	return &g.Supervise.Services[0], &g.Launch.Services[0]
}

func TestAGenerationComesBackAsItWent(t *testing.T) {
	want := shop()
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

func TestAProjectWithoutServicesIsValid(t *testing.T) {
	g := shop()
	g.Supervise.Services, g.Launch.Services = nil, nil
	Seal(g)
	text, err := Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(text); err != nil {
		t.Error(err)
	}
}

func TestTheHashIsOfTheContentAlone(t *testing.T) {
	g, other := shop(), shop()
	other.Supervise.Number = 7
	other.Launch.Inherited = nil
	for range 3 {
		Seal(other)
	}
	if g.Supervise.Hash != other.Supervise.Hash {
		t.Error("the number or the inherited environment changes the hash")
	}
	before := g.Supervise
	_, launch := api(g)
	launch.Layers[1].Vars[0] = "TOKEN=other"
	g.Supervise.Services = append([]Service(nil), before.Services...)
	Seal(g)
	for i, service := range g.Supervise.Services {
		if changed := service.Hash != before.Services[i].Hash; changed != (service.Name == "api") {
			t.Errorf("a variable of api changed: the hash of %s changed is %v", service.Name, changed)
		}
	}
	if g.Supervise.Hash == before.Hash {
		t.Error("a variable changed, and the hash did not")
	}
}

func TestGenerationsThatAreRefused(t *testing.T) {
	long := strings.Repeat("x", maxArg+1)
	for _, test := range []struct {
		name   string
		change func(*Generation, *Service, *LaunchService)
		want   string
	}{
		{"another format", func(g *Generation, _ *Service, _ *LaunchService) { g.Supervise.Format = 2 }, "format is 2"},
		{"another format of the launch part", func(g *Generation, _ *Service, _ *LaunchService) { g.Launch.Format = 0 }, "format of the launch part"},
		{"a project outside", func(g *Generation, _ *Service, _ *LaunchService) { g.Supervise.Project = "../etc" }, "no name for a project"},
		{"a launch part outside", func(g *Generation, _ *Service, _ *LaunchService) { g.Launch.Project = ".." }, "no name for a project"},
		{"two projects", func(g *Generation, _ *Service, _ *LaunchService) { g.Launch.Project = "other" }, `projects "shop" and "other"`},
		{"no display name", func(g *Generation, _ *Service, _ *LaunchService) { g.Supervise.Name = "" }, "display name"},
		{"a display name that moves the cursor", func(g *Generation, _ *Service, _ *LaunchService) { g.Supervise.Name = "\x1b[2J" }, "display name"},
		{"a relative manifest", func(g *Generation, _ *Service, _ *LaunchService) { g.Supervise.Manifest = "systemg.yaml" }, "manifest"},
		{"a negative number", func(g *Generation, _ *Service, _ *LaunchService) { g.Supervise.Number = -1 }, "number"},
		{"a service in one part only", func(g *Generation, _ *Service, _ *LaunchService) { g.Launch.Services = g.Launch.Services[:2] }, "3 and 2 services"},
		{"services of other names", func(g *Generation, _ *Service, _ *LaunchService) { g.Launch.Services[2].Name = "zeta" }, `"seed" and "zeta"`},
		{"a service twice", func(g *Generation, _ *Service, _ *LaunchService) {
			g.Supervise.Services[1] = g.Supervise.Services[2]
			g.Launch.Services[1] = g.Launch.Services[2]
		}, "not in order"},
		{"a service outside", func(_ *Generation, s *Service, l *LaunchService) { s.Name, l.Name = ".api", ".api" }, "no name for a service"},
		{"a dependency that does not exist", func(_ *Generation, s *Service, _ *LaunchService) { s.DependsOn[0].Service = "dB" }, `depends on "dB", which does not exist`},
		{"a dependency twice", func(_ *Generation, s *Service, _ *LaunchService) { s.DependsOn[1] = s.DependsOn[0] }, "twice"},
		{"an unknown condition", func(_ *Generation, s *Service, _ *LaunchService) { s.DependsOn[0].Condition = "soon" }, "condition"},
		{"a dependency on itself", func(_ *Generation, s *Service, _ *LaunchService) { s.DependsOn[0].Service = "api" }, "cycle: api → api"},
		{"a cycle", func(g *Generation, _ *Service, _ *LaunchService) {
			g.Supervise.Services[1].DependsOn = []Dependency{{Service: "seed", Condition: Started}}
		}, "cycle: db → seed → db"},
		{"an unknown policy", func(_ *Generation, s *Service, _ *LaunchService) { s.Restart.Policy = "sometimes" }, "restart"},
		{"a negative backoff", func(_ *Generation, s *Service, _ *LaunchService) { s.Restart.Backoff = -1 }, "restart"},
		{"a negative limit of restarts", func(_ *Generation, s *Service, _ *LaunchService) { s.Restart.MaxRestarts = -1 }, "restart"},
		{"exit code 256", func(_ *Generation, s *Service, _ *LaunchService) { s.Success[0].Code = 256 }, "exit code"},
		{"exit signal 65", func(_ *Generation, s *Service, _ *LaunchService) { s.NoRestart[0].Signal = 65 }, "exit code"},
		{"stop by signal 0", func(_ *Generation, s *Service, _ *LaunchService) { s.Stop.Signal = 0 }, "stop"},
		{"stop in no time", func(_ *Generation, s *Service, _ *LaunchService) { s.Stop.Timeout = -1 }, "stop"},
		{"ready by nothing", func(_ *Generation, s *Service, _ *LaunchService) { s.Ready.By = "" }, "ready"},
		{"ready by a health check that is not there", func(g *Generation, _ *Service, _ *LaunchService) { g.Supervise.Services[1].Ready.By = ByHealth }, "ready"},
		{"a probe that never runs", func(_ *Generation, s *Service, _ *LaunchService) { s.Health.Retries = 0 }, "health"},
		{"a probe without its command", func(_ *Generation, _ *Service, l *LaunchService) { l.Roles = append(l.Roles[:1], l.Roles[2]) }, "role health"},
		{"a probe's command without the probe", func(_ *Generation, s *Service, _ *LaunchService) { s.Health, s.Ready.By = nil, ByStable }, "role health"},
		{"a pre_start without its command", func(_ *Generation, _ *Service, l *LaunchService) { l.Roles = l.Roles[:2] }, "pre_start"},
		{"a pre_start without time", func(_ *Generation, s *Service, _ *LaunchService) { s.PreStart.Timeout = 0 }, "pre_start"},
		{"an unknown sink", func(_ *Generation, s *Service, _ *LaunchService) { s.Logs.Sink = "drain" }, "sink"},
		{"an unknown log format", func(_ *Generation, s *Service, _ *LaunchService) { s.Logs.Format = "xml" }, "log format"},
		{"fewer than no files", func(_ *Generation, s *Service, _ *LaunchService) { s.Logs.MaxFiles = -1 }, "max_files"},
		{"no main command", func(_ *Generation, _ *Service, l *LaunchService) { l.Roles = l.Roles[1:] }, "no command"},
		{"a role twice", func(_ *Generation, _ *Service, l *LaunchService) { l.Roles = append(l.Roles, l.Roles[0]) }, "twice"},
		{"an unknown role", func(_ *Generation, _ *Service, l *LaunchService) { l.Roles[0].Role = "root" }, "role"},
		{"an empty argv", func(_ *Generation, _ *Service, l *LaunchService) { l.Roles[0].Argv = nil }, "argv"},
		{"an empty program", func(_ *Generation, _ *Service, l *LaunchService) { l.Roles[0].Argv[0] = "" }, "argv"},
		{"a NUL in an argument", func(_ *Generation, _ *Service, l *LaunchService) { l.Roles[0].Argv[2] = "a\x00b" }, "argv"},
		{"an argument that no kernel takes", func(_ *Generation, _ *Service, l *LaunchService) { l.Roles[0].Argv[2] = long }, "argv"},
		{"a relative directory", func(_ *Generation, _ *Service, l *LaunchService) { l.Dir = "srv" }, "directory"},
		{"a directory with a NUL", func(_ *Generation, _ *Service, l *LaunchService) { l.Dir = "/srv\x00" }, "directory"},
		{"an umask with setuid", func(_ *Generation, _ *Service, l *LaunchService) { l.Umask = 0o4022 }, "umask"},
		{"an unknown limit", func(_ *Generation, _ *Service, l *LaunchService) { l.Rlimits[0].Name = "patience" }, "limit"},
		{"a limit twice", func(_ *Generation, _ *Service, l *LaunchService) { l.Rlimits[1] = l.Rlimits[0] }, "limit"},
		{"a soft limit above the hard one", func(_ *Generation, _ *Service, l *LaunchService) { l.Rlimits[0].Soft = Unlimited }, "soft limit"},
		{"nice -21", func(_ *Generation, _ *Service, l *LaunchService) { *l.Nice = -21 }, "nice"},
		{"oom score 1001", func(_ *Generation, _ *Service, l *LaunchService) { *l.OOMScore = 1001 }, "oom_score_adj"},
		{"an empty layer", func(_ *Generation, _ *Service, l *LaunchService) { l.Layers[0] = Layer{} }, "layer"},
		{"a layer of both kinds", func(_ *Generation, _ *Service, l *LaunchService) { l.Layers[1].File = "/x" }, "layer"},
		{"a relative env file", func(_ *Generation, _ *Service, l *LaunchService) { l.Layers[0].File = ".env" }, "env file"},
		{"optional variables", func(_ *Generation, _ *Service, l *LaunchService) { l.Layers[1].Optional = true }, "optional"},
		{"a variable without value", func(_ *Generation, _ *Service, l *LaunchService) { l.Layers[1].Vars[0] = "SECRET" }, "a variable is malformed"},
		{"a variable without name", func(_ *Generation, _ *Service, l *LaunchService) { l.Layers[1].Vars[0] = "=SECRET" }, "a variable is malformed"},
		{"a variable with a NUL", func(_ *Generation, _ *Service, l *LaunchService) { l.Layers[1].Vars[0] = "A=SECRET\x00" }, "a variable is malformed"},
		{"a variable that is not UTF-8", func(_ *Generation, _ *Service, l *LaunchService) { l.Layers[1].Vars[0] = "A=SECRET\xff" }, "a variable is malformed"},
		{"an argument that is not UTF-8", func(_ *Generation, _ *Service, l *LaunchService) { l.Roles[0].Argv[2] = "\xff" }, "argv"},
		{"an inherited variable without value", func(g *Generation, _ *Service, _ *LaunchService) { g.Launch.Inherited[0] = "SECRET" }, "inherited"},
		{"a name to strip with a value", func(_ *Generation, _ *Service, l *LaunchService) { l.Strip[0] = "A=B" }, "strip"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := shop()
			service, launch := api(g)
			test.change(g, service, launch)
			// Seal would put right what is about order; the hashes are right
			// in any case, so that they are not what is refused.
			for i := range g.Supervise.Services {
				g.Supervise.Services[i].Hash = serviceHash(g, i)
			}
			g.Supervise.Hash = g.contentHash()
			_, err := Encode(g)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

func TestInheritableDropsWhatCannotBeCarried(t *testing.T) {
	g := shop()
	g.Launch.Inherited = Inheritable([]string{"A=1", "B", "=C", "", "D=\xff", "E=\x00", "F=" + strings.Repeat("x", maxArg), "G="})
	if want := []string{"A=1", "G="}; !reflect.DeepEqual(g.Launch.Inherited, want) {
		t.Errorf("got %q", g.Launch.Inherited)
	}
	if err := g.Validate(); err != nil {
		t.Error(err)
	}
}

func TestAHashThatDoesNotMatchIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Generation){
		"an argument":         func(g *Generation) { g.Launch.Services[1].Roles[0].Argv[2] = "rm -rf /" },
		"a variable":          func(g *Generation) { g.Launch.Services[0].Layers[1].Vars[0] = "TOKEN=x" },
		"a policy":            func(g *Generation) { g.Supervise.Services[2].Restart.Policy = Never },
		"the manifest's path": func(g *Generation) { g.Supervise.Manifest = "/other" },
		"a service's hash":    func(g *Generation) { g.Supervise.Services[0].Hash = g.Supervise.Services[1].Hash },
		"the hash":            func(g *Generation) { g.Supervise.Hash = g.Supervise.Services[1].Hash },
	} {
		g := shop()
		change(g)
		if err := g.Validate(); err == nil || !strings.Contains(err.Error(), "hash") {
			t.Errorf("%s changed: %v", name, err)
		}
	}
	unsealed := shop()
	unsealed.Supervise.Hash = ""
	if unsealed.Validate() == nil {
		t.Error("a generation without hash was accepted")
	}
}

func TestDecodeIsStrict(t *testing.T) {
	text, err := Encode(shop())
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) []byte {
		t.Helper()
		if !bytes.Contains(text, []byte(old)) {
			t.Fatalf("no %s in the text", old)
		}
		return bytes.Replace(text, []byte(old), []byte(new), 1)
	}
	for name, text := range map[string][]byte{
		"nothing":        nil,
		"half":           text[:len(text)/2],
		"two":            append(append([]byte(nil), text...), text...),
		"an unknown key": replace(`"umask"`, `"user":0,"umask"`),
		"a key twice":    replace(`"umask"`, `"dir":"/","umask"`),
		"another case":   replace(`"umask"`, `"Umask"`),
		"too many objects": []byte(`{"supervise":{"services":[` + strings.Repeat(`{},`, maxObjects) +
			`{}]},"launch":{}}`),
	} {
		if _, err := Decode(text); err == nil || !strings.Contains(err.Error(), "cannot read generation") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestALargeProjectIsReadInBoundedTime(t *testing.T) {
	g := shop()
	g.Supervise.Services, g.Launch.Services = nil, nil
	for i := range 2000 {
		name := fmt.Sprintf("s%04d", i)
		service := shopService(name)
		if i > 0 {
			service.DependsOn = []Dependency{{Service: fmt.Sprintf("s%04d", i-1), Condition: Started}}
		}
		g.Supervise.Services = append(g.Supervise.Services, service)
		g.Launch.Services = append(g.Launch.Services, shopLaunch(name))
	}
	Seal(g)
	text, err := Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	if _, err := Decode(text); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("%d bytes took %s", len(text), took)
	}
}

func FuzzDecode(f *testing.F) {
	text, err := Encode(shop())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	empty := &Generation{
		Supervise: Supervise{Format: Format, Project: "p", Name: "p", Manifest: "/m"},
		Launch:    Launch{Format: Format, Project: "p"},
	}
	Seal(empty)
	text, err = Encode(empty)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"supervise":{},"launch":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		// The fuzzer cannot find hashes that match, so they are made here:
		// everything behind them is then reached.
		var g Generation
		if spec.Unmarshal(text, &g, limits) == nil {
			Seal(&g)
			if sealed, err := Encode(&g); err == nil {
				text = sealed
			}
		}
		decoded, err := Decode(text)
		if err != nil {
			return
		}
		again, err := Encode(decoded)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(again)
		if err != nil || !reflect.DeepEqual(back, decoded) {
			t.Fatalf("%s became %s, %v", text, again, err)
		}
	})
}
