package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/doctor"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/store"
	"systemg.org/sysg/pkg/version"
)

const doctorHelp = `Compare what is recorded with what runs, and change nothing.

What the supervisor believes and what the state files say is held against
processes, cgroups, sockets and locks. A difference counts only if it lasts, so
that what is going on at the moment is none.

Exit code 1 if there is an error, or with --strict any finding.`

var doctorVerb = verb{
	name: "doctor", asks: true, short: "compare what is recorded with what runs", help: doctorHelp,
	setup: func(flags *pflag.FlagSet) action {
		strict := flags.Bool("strict", false, "exit with 1 for warnings, too")
		return func(ctx context.Context, a *app, _ []string) error { return a.examine(ctx, *strict) }
	},
}

// examination is what doctor found, with the older program's field names.
type examination struct {
	Mode     string           `json:"mode"`
	Projects []string         `json:"projects"`
	Findings []doctor.Finding `json:"findings"`
	Versions versions         `json:"versions"`
}

func (a *app) examine(ctx context.Context, strict bool) error {
	ask := func() (*api.Survey, error) { return nil, nil }
	conn, err := a.reach()
	switch {
	case isCode(err, api.CodeNoSupervisor):
	case err != nil:
		return err
	default:
		defer func() { _ = conn.Close() }()
		ask = func() (*api.Survey, error) {
			survey, err := conn.Survey(ctx)
			return &survey, err
		}
	}
	in := doctor.Instance{State: a.instance.state, Runtime: a.instance.runtime}
	if in.Runtime == "" {
		in.Runtime = a.instance.runtimes[0]
	}
	findings, err := doctor.Examine(in, ask)
	if err != nil {
		return err
	}
	projects, err := store.Projects(paths.Projects(in.State))
	if err != nil {
		return err
	}
	mode := "user"
	if a.system {
		mode = "system"
	}
	r := examination{Mode: mode, Projects: projects, Findings: findings, Versions: a.versions()}
	if a.out.json {
		a.out.printJSON(r)
	} else {
		r.print(a.out)
	}
	return r.verdict(strict, a.out)
}

func (r examination) print(out *output) {
	for _, f := range r.Findings {
		name := f.Service
		if f.Project != "" {
			name = f.Project + "/" + f.Service
		}
		colour := map[doctor.Severity]style{doctor.Error: red, doctor.Warning: yellow}[f.Severity]
		fmt.Fprintf(out.stdout, "%s %s: %s\n", paint(out.colour, colour, fmt.Sprintf("%s[%s]", f.Severity, f.Rule)), orDash(name), clean(f.Detail))
	}
	if len(r.Findings) == 0 && !out.quiet {
		fmt.Fprintf(out.stdout, "No findings in %s\n", counted(len(r.Projects), "project"))
	}
}

// counted is "1 place" or "2 places".
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// verdict is the exit code.
func (r examination) verdict(strict bool, out *output) error {
	bad := slices.ContainsFunc(r.Findings, func(f doctor.Finding) bool { return strict || f.Severity == doctor.Error })
	if !bad {
		return nil
	}
	if out.json {
		return exit(failed)
	}
	return &api.Diagnostic{
		Code: api.CodeDisagreement, Title: "what is recorded and what runs disagree in " + counted(len(r.Findings), "place"),
		Help: []api.Help{{Label: "what the supervisor saw", Command: "sysg logs --supervisor"}},
	}
}

// versions are those of sysg and of the supervisor that answered.
func (a *app) versions() versions {
	v := versions{CLI: version.Version}
	if who := a.supervisor; who.Version != "" {
		v.Supervisor, v.PID, v.Binary = &who.Version, &who.PID, &who.Binary
	}
	return v
}
