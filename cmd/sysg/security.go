package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/security"
)

const securityHelp = `Tell what the processes of services could do, from what the kernel shows of
them: users, capabilities, namespaces, mounts, seccomp, limits.

Each service has an exposure from 0 to 10, lower is better, and with its name each
finding is shown with its evidence and the key of the manifest that changes it.
What cannot be seen counts as open: the system's services are seen by root.

--threshold N fails if any exposure is above N, so that a script can hold a
stack to what it has reached.

Exit code: 0; 1 if an exposure is above the threshold, or the service does not
run; 3 without a supervisor, 4 if there is no such service.`

var securityVerb = verb{
	name: "security", asks: true, later: true, xml: true, usage: "[SERVICE]", short: "tell what services could do, and how to close it", help: securityHelp, words: 1,
	setup: func(flags *pflag.FlagSet) action {
		var project, threshold string
		flags.StringVarP(&project, "project", "p", "", "of this project only")
		flags.StringVar(&threshold, "threshold", "", "fail if an exposure is above this, from 0 to 10")
		return func(ctx context.Context, a *app, words []string) error {
			most := 10.0
			if threshold != "" {
				var err error
				if most, err = strconv.ParseFloat(threshold, 64); err != nil || !(most >= 0 && most <= 10) {
					return &usage{"security", fmt.Sprintf("--threshold is a number from 0 to 10, not %q", threshold)}
				}
			}
			return secure(ctx, a, scope{project, words}, most)
		}
	},
}

// exposure is the report of one service.
type exposure struct {
	Project string `json:"project"`
	Service string `json:"service"`
	PID     int    `json:"pid"`
	// Processes is how many were looked at.
	Processes int `json:"processes"`
	security.Report
}

func secure(ctx context.Context, a *app, wanted scope, most float64) error {
	conn, err := a.reach()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	units, err := running(ctx, conn, wanted)
	if err != nil {
		return forSecurity(err)
	}
	machine, err := security.Read(os.Getpid())
	if err != nil {
		return err
	}
	reports := []exposure{}
	for _, unit := range units {
		report, err := expose(ctx, conn, a.instance.state, machine, unit)
		if errors.Is(err, security.ErrGone) {
			continue
		}
		if err != nil {
			return err
		}
		reports = append(reports, report)
	}
	if len(reports) == 0 && len(wanted.services) > 0 {
		return &api.Diagnostic{Code: api.CodeInternal, Title: fmt.Sprintf("service %q has just ended: there is nothing to look at", wanted.services[0])}
	}
	if err := printSecurity(a.out, reports, len(wanted.services) > 0); err != nil {
		return err
	}
	if slices.ContainsFunc(reports, func(e exposure) bool { return e.Exposure > most }) {
		return exit(failed)
	}
	return nil
}

// running are the units that are meant and have a process.
func running(ctx context.Context, conn *client.Conn, wanted scope) ([]api.Unit, error) {
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return nil, err
	}
	selections, err := wanted.resolve(catalogueOf(snapshot))
	if err != nil {
		return nil, err
	}
	meant := func(u api.Unit) bool {
		return slices.ContainsFunc(selections, func(s selection) bool {
			return s.project == u.Project.ID && (len(s.services) == 0 || slices.Contains(s.services, u.Name))
		})
	}
	units := keep(snapshot.Units, func(u api.Unit) bool { return meant(u) && u.Process != nil && u.Process.PID > 0 })
	if len(units) == 0 && len(wanted.services) > 0 {
		return nil, &api.Diagnostic{
			Code: api.CodeInternal, Title: fmt.Sprintf("service %q does not run: there is nothing to look at", wanted.services[0]),
			Help: []api.Help{{Label: "what a launch will do", Command: "sysg inspect --exec -s " + wanted.services[0]}},
		}
	}
	return units, nil
}

// forSecurity makes the help of an ambiguous name fit a command without -s.
func forSecurity(err error) error {
	var d *api.Diagnostic
	if isCode(err, api.CodeAmbiguous) && errors.As(err, &d) {
		for i := range d.Help {
			d.Help[i].Command = "sysg security " + strings.TrimPrefix(d.Help[i].Command, "-s ")
		}
	}
	return err
}

// expose looks at all processes of a unit.
func expose(ctx context.Context, conn *client.Conn, state string, machine security.Process, unit api.Unit) (exposure, error) {
	inspection, err := conn.Inspect(ctx, api.Inspect{Project: unit.Project.ID, Service: unit.Name}, nil)
	if err != nil {
		return exposure{}, err
	}
	subject := security.Subject{Machine: machine, Declared: declaredOf(state, unit), Missing: unit.Missing}
	for _, detail := range inspection.Processes {
		if len(inspection.Processes) > 1 && detail.PID == unit.Process.PID && underInit(subject.Declared) {
			continue // It is sysg-exec's, has no privilege, and runs nothing of the service's.
		}
		// One that ends meanwhile is nobody's worry.
		if process, err := security.Read(detail.PID); err == nil {
			subject.Processes = append(subject.Processes, process)
		}
	}
	if len(subject.Processes) == 0 {
		return exposure{}, security.ErrGone
	}
	return exposure{unit.Project.ID, unit.Name, unit.Process.PID, len(subject.Processes), security.Judge(&subject)}, nil
}

// underInit says whether the main process of a service is sysg-exec init.
func underInit(declared *generation.LaunchService) bool {
	return declared != nil && declared.Confinement != nil && declared.Confinement.PID && declared.Confinement.Init
}

// declaredOf is what the unit's generation says of its launch, nil where the
// caller may not read that.
func declaredOf(state string, unit api.Unit) *generation.LaunchService {
	store := generation.Store{Dir: paths.Generations(state)}
	launch, err := store.Launch(unit.Project.ID, unit.Project.Generation)
	if err != nil {
		return nil
	}
	for i := range launch.Services {
		if launch.Services[i].Name == unit.Name {
			return &launch.Services[i]
		}
	}
	return nil
}
