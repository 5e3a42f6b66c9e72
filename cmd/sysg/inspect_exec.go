package main

import (
	"errors"
	"fmt"
	"io/fs"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/confine"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/spec"
)

// outline is what sysg inspect --exec shows.
type outline struct {
	Project    string        `json:"project"`
	Service    string        `json:"service"`
	Generation int           `json:"generation"`
	Role       spec.Role     `json:"role"`
	Steps      []outlineStep `json:"steps"`
}

type outlineStep struct {
	Stage spec.Stage `json:"stage"`
	Does  string     `json:"does"`
}

// outlineOf reads the generation that the next launch will be of, in the folder
// of state: sysgd does not know the part that says how.
func outlineOf(state string, target api.Inspect, role spec.Role) (outline, error) {
	store := generation.Store{Dir: paths.Generations(state)}
	o := outline{Project: target.Project, Service: target.Service, Role: role}
	var err error
	if o.Generation, err = store.Active(o.Project); err != nil {
		return outline{}, unreadable(err)
	}
	launch, err := store.Launch(o.Project, o.Generation)
	if err != nil {
		return outline{}, unreadable(err)
	}
	for i := range launch.Services {
		s := &launch.Services[i]
		if s.Name != o.Service {
			continue
		}
		steps, err := confine.Outline(s, role)
		if err != nil {
			return outline{}, &api.Diagnostic{Code: api.CodeUnknownUnit, Title: err.Error(), Notes: []string{"it has " + rolesOf(s)}}
		}
		for _, step := range steps {
			o.Steps = append(o.Steps, outlineStep{step.Stage, step.Does})
		}
		return o, nil
	}
	return outline{}, unknownService(o.Service, fmt.Sprintf(" in generation %d of project %q", o.Generation, o.Project), nil)
}

func rolesOf(s *generation.LaunchService) string {
	text := ""
	for i, command := range s.Roles {
		if i > 0 {
			text += ", "
		}
		text += string(command.Role)
	}
	return text
}

// unreadable says who may read what a launch consists of: it has secrets.
func unreadable(err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return &api.Diagnostic{
		Code: api.CodeNeedsRoot, Title: "only root may read what the system's services are launched with",
		Notes: []string{err.Error()}, Help: []api.Help{{Label: "as root", Command: "sudo sysg --sys inspect --exec -s SERVICE"}},
	}
}

func (o *outline) print(out *output) error {
	if out.machine() {
		return out.print("launch", o)
	}
	fmt.Fprintf(out.stdout, "%s of %s/%s, generation %d\n", paint(out.colour, bold, string(o.Role)), o.Project, o.Service, o.Generation)
	rows := [][]string{{"", "STAGE", "WHAT IT DOES"}}
	for i, step := range o.Steps {
		rows = append(rows, []string{fmt.Sprint(i + 1), string(step.Stage), clean(step.Does)})
	}
	fmt.Fprint(out.stdout, align(rows, boldHead(out.colour)))
	return nil
}
