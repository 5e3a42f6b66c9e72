package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/caps"
	"systemg.org/sysg/pkg/generation"
)

// compileSeccomp stands for the compiler of filters, which knows no system call
// of that name.
func compileSeccomp(s Seccomp) (*generation.Seccomp, error) {
	if slices.Contains(s.Deny, "nosuchcall") {
		return nil, errors.New("no system call is called nosuchcall")
	}
	name := s.Profile
	if name == "" {
		name = "custom"
	}
	return &generation.Seccomp{Name: name, Filter: []byte("a filter")}, nil
}

// systemOptions are those of root, for the system's instance. What a manifest
// of a test is read with otherwise stands in its comments.
func systemOptions(text ...string) Options {
	opts := options()
	opts.System, opts.State, opts.CompileSeccomp = true, "/var/lib/systemg/projects", compileSeccomp
	opts.Home, opts.User, opts.Shell, opts.UID = "/root", "root", "/bin/bash", 0
	opts.DropPrivileges = strings.Contains(strings.Join(text, ""), "# with --drop-privileges")
	if strings.Contains(strings.Join(text, ""), "# with default_user: root") {
		opts.Settings.DefaultUser = "root"
	}
	return opts
}

// TestWhatOnlyTheSystemCanEnforce reads manifests in both modes: the system's
// instance accepts them, a user's refuses each key by name and nothing else.
func TestWhatOnlyTheSystemCanEnforce(t *testing.T) {
	eachManifest(t, "testdata/system/*.yaml", func(t *testing.T, file string, text []byte) {
		name := strings.TrimSuffix(file, ".yaml")
		opts, sources := recorded(systemOptions(string(text)))
		sources.Add("/srv/app/systemg.yaml", text)
		m, err := Parse("/srv/app/systemg.yaml", text, opts)
		if err != nil {
			t.Fatalf("the system's instance refuses it: %v", err)
		}
		golden(t, name+".json", compiled(t, m))
		if shown := render(m.Warnings, sources); shown != "" || exists(name+".warnings") {
			golden(t, name+".warnings", shown)
		}
		_, err = Parse("/srv/app/systemg.yaml", text, options())
		var problems Problems
		if !errors.As(err, &problems) {
			t.Fatal("a user's instance accepts it")
		}
		for _, p := range problems {
			if !p.Warning && (p.Kind != KindSystemMode || p.Code() != "SG0705") {
				t.Errorf("refused for another reason: %v", p)
			}
		}
		golden(t, name+".txt", render(problems, sources))
	})
}

// TestWhatTheSystemRefuses shows what is wrong in the system's instance only, or
// said otherwise there.
func TestWhatTheSystemRefuses(t *testing.T) {
	eachManifest(t, "testdata/system-bad/*.yaml", func(t *testing.T, file string, text []byte) {
		opts, sources := recorded(systemOptions(string(text)))
		sources.Add("/srv/app/systemg.yaml", text)
		_, err := Parse("/srv/app/systemg.yaml", text, opts)
		var problems Problems
		if !errors.As(err, &problems) {
			t.Fatalf("got %v, want problems", err)
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".txt", render(problems, sources))
	})
}

// oneService compiles a manifest for the system's instance, of which the first
// service is returned.
func oneService(t *testing.T, opts Options, text string) generation.LaunchService {
	t.Helper()
	m, err := Parse("/srv/app/systemg.yaml", []byte(text), opts)
	if err != nil {
		t.Fatal(err)
	}
	generations, err := m.Compile(CompileOptions{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	if err := generations[0].Validate(); err != nil {
		t.Fatal(err)
	}
	if inherited := generations[0].Launch.Inherited; inherited != nil {
		t.Errorf("services inherit %q from whoever called sysg", inherited)
	}
	return generations[0].Launch.Services[0]
}

func TestAsWhomAServiceRuns(t *testing.T) {
	root := Settings{DefaultUser: "root"}
	for _, test := range []struct {
		name, keys string
		drop       bool
		settings   Settings
		want       generation.Identity
	}{
		{"by name", "user: www-data", false, Settings{}, generation.Identity{Name: "www-data", Home: "/var/www", Shell: "/usr/sbin/nologin", UID: 33, GID: 33}},
		{"by a number that has a name", "user: 33", false, Settings{}, generation.Identity{Name: "www-data", Home: "/var/www", Shell: "/usr/sbin/nologin", UID: 33, GID: 33}},
		{"by a bare number", "user: 4000, group: 5000", false, Settings{}, generation.Identity{UID: 4000, GID: 5000}},
		{"with another group", "user: www-data, group: adm", false, Settings{}, generation.Identity{Name: "www-data", Home: "/var/www", Shell: "/usr/sbin/nologin", UID: 33, GID: 4}},
		{"with further groups", "user: root, supplementary_groups: [44, adm, 4]", false, Settings{},
			generation.Identity{Name: "root", Home: "/root", Shell: "/bin/bash", Groups: []uint32{4, 44}}},
		{"by sysgd.conf", "umask: 22", false, root, generation.Identity{Name: "root", Home: "/root", Shell: "/bin/bash"}},
		{"by --drop-privileges", "capabilities: [CAP_CHOWN], group: adm, supplementary_groups: [adm]", true, Settings{},
			generation.Identity{Name: "nobody", Home: "/nonexistent", Shell: "/usr/sbin/nologin", UID: 65534, GID: 65534, Dropped: true}},
		{"by --drop-privileges, whatever sysgd.conf says", "umask: 22", true, root,
			generation.Identity{Name: "nobody", Home: "/nonexistent", Shell: "/usr/sbin/nologin", UID: 65534, GID: 65534, Dropped: true}},
		{"as it says, in spite of --drop-privileges", "user: root", true, Settings{}, generation.Identity{Name: "root", Home: "/root", Shell: "/bin/bash"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := systemOptions()
			opts.DropPrivileges, opts.Settings = test.drop, test.settings
			got := oneService(t, opts, "services: {a: {command: x, "+test.keys+"}}")
			id := got.Confinement.Identity
			if !slices.Equal(id.Groups, test.want.Groups) {
				t.Errorf("groups %v, want %v", id.Groups, test.want.Groups)
			}
			id.Groups, test.want.Groups = nil, nil
			if !sameIdentity(id, test.want) {
				t.Errorf("got %+v\nwant %+v", id, test.want)
			}
			if test.drop && id.Dropped && got.Confinement.Capabilities != 0 {
				t.Error("nobody keeps a capability")
			}
		})
	}
}

func sameIdentity(a, b generation.Identity) bool {
	return a.Name == b.Name && a.Home == b.Home && a.Shell == b.Shell && a.UID == b.UID && a.GID == b.GID && a.Dropped == b.Dropped
}

func TestNobodyIsKnownEvenWhereTheUserDatabaseHasNone(t *testing.T) {
	opts := systemOptions()
	opts.DropPrivileges = true
	opts.LookupUser = func(string) (Account, bool) { return Account{}, false }
	if id := oneService(t, opts, "services: {a: {command: x}}").Confinement.Identity; id.UID != 65534 || id.GID != 65534 || !id.Dropped {
		t.Errorf("got %+v", id)
	}
}

func TestTheHomeOfTheServicesUser(t *testing.T) {
	for keys, want := range map[string]string{
		"user: www-data, working_dir: ~/a":                                        "/var/www/a",
		"working_dir: ~/a, user: www-data":                                        "/var/www/a",
		"user: www-data, working_dir: $HOME/a":                                    "/var/www/a",
		"user: \"${WHO}\", env: {WHO: www-data}, working_dir: ~":                  "/var/www",
		"user: '33', env: {file: -~/env}, working_dir: ~/a":                       "/var/www/a",
		"user: root, working_dir: ~/a":                                            "/root/a",
		"user: \"${WHO:-www-data}\", env: {file: -/x}, working_dir: ~/a":          "/var/www/a",
		"user: \"${WHO:-www-data}\", env: {vars: {WHO: ada}}, working_dir: ~/a/b": "/home/ada/a/b",
	} {
		if got := oneService(t, systemOptions(), "services: {a: {command: x, "+keys+"}}"); got.Dir != want {
			t.Errorf("%s: got %s, want %s", keys, got.Dir, want)
		}
	}
	got := oneService(t, systemOptions(), "services: {a: {command: x, user: www-data, env: {file: -~/env}}}")
	if got.Layers[0].File != "/var/www/env" {
		t.Errorf("the env file is %s", got.Layers[0].File)
	}
}

func TestNewPrivilegesAreGivenUpUnlessTheManifestKeepsThem(t *testing.T) {
	for isolation, want := range map[string]bool{"{}": true, "{no_new_privileges: true}": true, "{no_new_privileges: false}": false} {
		got := oneService(t, systemOptions(), "services: {a: {command: x, user: root, isolation: "+isolation+"}}")
		if got.NoNewPrivs != want {
			t.Errorf("%s: got %v", isolation, got.NoNewPrivs)
		}
	}
}

// TestOldTogglesAreBestEffort: systemg 0.66 went on where the kernel had no such
// namespace. Version 3 refuses.
func TestOldTogglesAreBestEffort(t *testing.T) {
	const service = "services: {a: {command: x, user: root, isolation: {network: true, ipc: true, best_effort: [seccomp]}}}"
	for version, want := range map[string][]string{
		"": {"network", "seccomp"}, "version: 1\n": {"network", "seccomp"}, "version: 3\n": {"seccomp"},
	} {
		if got := oneService(t, systemOptions(), version+service); !slices.Equal(got.Confinement.BestEffort, want) {
			t.Errorf("%q: got %q, want %q", version, got.Confinement.BestEffort, want)
		}
	}
}

// TestRootsEnvironmentStaysWithRoot: a service is given what its commands name,
// but not what speaks of whoever called sysg.
func TestRootsEnvironmentStaysWithRoot(t *testing.T) {
	opts := systemOptions()
	got := oneService(t, opts, "services: {a: {command: 'echo $HOST $PATH $HOME $USER', user: www-data, env: {inherit_env: true}}}")
	if len(got.Layers) != 1 || !slices.Equal(got.Layers[0].Vars, []string{"HOST=db.example"}) || !got.NoInherit || got.Strip != nil {
		t.Errorf("got %+v, strip %q", got.Layers, got.Strip)
	}
}

// TestAnEnvFileOfTheServicesUserIsLeftToTheLaunch, which reads it as that user.
func TestAnEnvFileOfTheServicesUserIsLeftToTheLaunch(t *testing.T) {
	opts := systemOptions()
	opts.Open = func(path string) ([]byte, error) {
		if path == "/home/ada/env" {
			return nil, Judge(File{Path: path, Regular: true, Perm: 0o600, UID: 1000, GID: 1000}, Caller{System: true})
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	m, err := Parse("/srv/app/systemg.yaml", []byte("version: 3\nservices: {a: {command: x, user: ada, env: {file: ~/env}}}"), opts)
	if err != nil || len(m.Differences) > 0 {
		t.Errorf("got %v, %+v", err, []Problem(m.Differences))
	}
}

// TestCapabilitiesHaveTheKernelsNumbers: the generation has a bit for each.
func TestCapabilitiesHaveTheKernelsNumbers(t *testing.T) {
	for n, name := range capabilityNames {
		if number, known := caps.Number("CAP_" + name); !known || number != n {
			t.Errorf("CAP_%s is %d here and %d there", name, n, number)
		}
	}
	if caps.Name(len(capabilityNames)) != fmt.Sprintf("CAP_%d", len(capabilityNames)) {
		t.Errorf("%s has no name here", caps.Name(len(capabilityNames)))
	}
	got := oneService(t, systemOptions(), "services: {a: {command: x, user: root, capabilities: [net_bind_service, CAP_BPF]}}")
	if got.Confinement.Capabilities != 1<<10|1<<39 {
		t.Errorf("got %#x", got.Confinement.Capabilities)
	}
}
