package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/api"
)

func TestFormatTakesAWordOnlyIfItIsOne(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"status --format json", "status --format=json"},
		{"status --format xml -s api", "status --format=xml -s api"},
		{"status --format", "status --format"},
		{"status --format -s api", "status --format -s api"},
		{"status --format api", "status --format api"},
		{"--format json status", "--format=json status"},
		{"--format status", "--format status"},
		{"status --format=text json", "status --format=text json"},
		{"status -- --format json", "status -- --format json"},
		{"", ""},
	} {
		got := joinFormat(strings.Fields(test.args), nil, false)
		if !slices.Equal(got, strings.Fields(test.want)) {
			t.Errorf("%q became %q, want %q", test.args, got, test.want)
		}
	}
}

// quietApp has no instance and prints to buffers.
func quietApp(vars map[string]string) (a *app, stdout, stderr *bytes.Buffer) {
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	return &app{env: environment(vars), out: &output{stdout: stdout, stderr: stderr, width: 80}}, stdout, stderr
}

func TestWhatACommandLineMeans(t *testing.T) {
	for _, test := range []struct {
		args  string
		exits int
		says  string // on either stream
	}{
		{"", 2, "a command is missing"},
		{"sing", 2, `unknown command "sing"`},
		{"--loud", 2, "unknown flag: --loud"},
		{"status --loud", 2, "help: sysg status --help"},
		{"start app.yaml", 2, `unexpected word "app.yaml", a manifest is named with -c`},
		{"start -s api ./program", 2, "takes no -c, -s, -p"},
		{"start --name worker", 2, "--name is for a command"},
		{"start --run-as ada", 2, "--run-as is for a command to run"},
		{"start --user --run-as ada ./program", 2, "--run-as is for --sys"},
		{"start --child --run-as ada ./program", 2, "takes no --run-as"},
		{"start --no-deps", 2, "--no-deps is for -s"},
		{"purge -p ../etc", 1, "error[SG0404]"},
		{"purge -p shop", 1, "error[SG0403]"},
		{"doctor", 0, "No findings in 0 projects"},
		{"--drop-privileges stop", 0, "--drop-privileges is only for start and restart"},
		{"start --wait --no-wait", 2, "exclude each other"},
		{"why", 2, "which service?"},
		{"version --format yaml", 2, `unexpected word "yaml"`},
		{"version --format=yaml", 2, `not "yaml"`},
		{"version --format xml", 1, "error[SG0204]"},
		{"version --color=sometimes", 2, "--color is auto, always or never"},
		{"version --log-level loud", 2, "--log-level is"},
		{"--sys status", 1, "no system supervisor is running"},
		{"status --sys", 1, "no system supervisor is running"},
		{"--sys --user status", 2, "exclude each other"},
		{"stop --supervisor -s api", 1, "error[SG0204]"},
		{"logs", 1, "error[SG0019]"},
		{"logs --supervisor -s api", 1, "error[SG0020]"},
		{"logs -s api -f --no-follow", 1, "error[SG0204]"},
		{"logs -s api -k stdin", 2, "--kind is stdout or stderr"},
		{"logs -s shop/api --path", 0, "/nowhere/.local/share/systemg/logs/shop/api.log"},
		{"logs -s api -p shop --path", 0, "/nowhere/.local/share/systemg/logs/shop/api.log"},
		{"logs --supervisor --path", 0, "/nowhere/.local/share/systemg/logs/supervisor.log"},
		{"status -s api", 1, "error[SG0206]"},
		{"status -c x.yaml", 2, "error[SG0206]"},
		{"restart", 1, "error[SG0206]"},
		{"why api", 3, "error[SG0206]"},
		{"stop", 0, "\n\nNo supervisor is running\n"},
		{"stop --supervisor", 0, "\n\nNo supervisor is running\n"},
		{"stop -p shop", 1, "error[SG0202]"},
		{"stop -s api", 1, "error[SG0202]"},
		{"start -p shop", 1, "error[SG0203]"},
		{"start", 1, "error[SG0203]"},
		{"validate -c /nowhere/systemg.yaml", 1, "error[SG0203]"},
		{"version", 0, "no supervisor running"},
		{"--format json version", 0, `"supervisor":null`},
		{"version --format", 0, `"supervisor":null`},
		{"--version", 0, "sysg "},
		{"restart --version", 0, "no supervisor running"},
		{"--version stop", 0, "no supervisor running"},
		{"--help", 0, "Usage: sysg COMMAND"},
		{"help", 0, "Usage: sysg COMMAND"},
		{"help status", 0, "Usage: sysg status"},
		{"status -h", 0, "Usage: sysg status"},
		{"help sing", 2, `unknown command "sing"`},
	} {
		t.Run(test.args, func(t *testing.T) {
			a, stdout, stderr := quietApp(map[string]string{"HOME": "/nowhere", "XDG_CONFIG_HOME": "/nowhere"})
			// Found beforehand: the machine's own runtime folder is none of ours.
			a.instance = &instance{state: "/nowhere/.local/share/systemg", runtimes: []string{"/nowhere/run"}, env: a.env}
			a.instance.system = strings.Contains(test.args, "--sys")
			if got := a.end(a.dispatch(strings.Fields(test.args))); got != test.exits {
				t.Errorf("exits %d, want %d", got, test.exits)
			}
			if said := stdout.String() + stderr.String(); !strings.Contains(said, test.says) {
				t.Errorf("says %q, want %q", said, test.says)
			}
		})
	}
}

func TestColourAndMovement(t *testing.T) {
	for _, test := range []struct {
		name     string
		tty      bool
		g        globals
		vars     map[string]string
		colour   bool
		animates bool
	}{
		{"a terminal", true, globals{color: "auto"}, nil, true, true},
		{"a pipe", false, globals{color: "auto"}, nil, false, false},
		{"NO_COLOR", true, globals{color: "auto"}, map[string]string{"NO_COLOR": "1"}, false, true},
		{"an empty NO_COLOR is none", true, globals{color: "auto"}, map[string]string{"NO_COLOR": ""}, true, true},
		{"forced in a pipe", false, globals{color: "auto"}, map[string]string{"CLICOLOR_FORCE": "1"}, true, false},
		{"a zero forces nothing", false, globals{color: "auto"}, map[string]string{"CLICOLOR_FORCE": "0"}, false, false},
		{"always in a pipe", false, globals{color: "always"}, map[string]string{"NO_COLOR": "1"}, true, false},
		{"never", true, globals{color: "never"}, map[string]string{"CLICOLOR_FORCE": "1"}, false, true},
		{"--no-color", true, globals{color: "always", noColor: true}, nil, false, true},
		{"--plain", true, globals{color: "auto", plain: true}, nil, false, false},
		{"an agent", true, globals{color: "auto"}, map[string]string{"SYSTEMG_AGENT": "1"}, false, false},
		{"no agent", true, globals{color: "auto"}, map[string]string{"SYSTEMG_AGENT": "0"}, true, true},
		{"a dumb terminal", true, globals{color: "auto"}, map[string]string{"TERM": "dumb"}, false, false},
		{"json", true, globals{color: "auto", format: "json"}, nil, true, false},
		{"-q", true, globals{color: "auto", quiet: true}, nil, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := &output{stdoutTTY: test.tty}
			o.adopt(test.g, false, environment(test.vars))
			if o.colour != test.colour || o.draws != test.animates {
				t.Errorf("colour %v, draws %v", o.colour, o.draws)
			}
		})
	}
}

func TestSuccessIsTwoEmptyLinesAndASentence(t *testing.T) {
	for name, test := range map[string]struct {
		flags string
		want  string
	}{
		"as ever":      {"", "\n\nAll services stopped\n"},
		"-q":           {"-q", ""},
		"--format=txt": {"--format=text", ""},
		"json":         {"--format", `{"ok":true,"message":"All services stopped","failed":[],"units":[]}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			a, stdout, _ := quietApp(nil)
			g := globals{color: "auto", format: "text"}
			flags := newFlags("", &g)
			if err := flags.Parse(strings.Fields(test.flags)); err != nil {
				t.Fatal(err)
			}
			if err := a.adopt(g, flags.Changed("format")); err != nil {
				t.Fatal(err)
			}
			if err := a.settle(nil, "stopped", api.Result{OK: true}); err != nil {
				t.Fatal(err)
			}
			if stdout.String() != test.want {
				t.Errorf("got %q, want %q", stdout, test.want)
			}
		})
	}
}
