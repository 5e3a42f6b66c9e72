package confine

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/envfile"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// variables is an environment in the making: later values win, in the place of
// the earlier ones.
type variables struct {
	list  []string
	index map[string]int
}

// set takes a variable from elsewhere.
func (v *variables) set(assignment string) {
	if name, _, _ := strings.Cut(assignment, "="); !ours(name) {
		v.put(assignment)
	}
}

func (v *variables) put(assignment string) {
	name, _, _ := strings.Cut(assignment, "=")
	if at, known := v.index[name]; known {
		v.list[at] = assignment
		return
	}
	v.index[name] = len(v.list)
	v.list = append(v.list, assignment)
}

func (v *variables) lookup(name string) (string, bool) {
	at, known := v.index[name]
	if !known {
		return "", false
	}
	_, value, _ := strings.Cut(v.list[at], "=")
	return value, true
}

// invocation begins the variable that tells a process its incarnation.
const invocation = "SYSG_INVOCATION_ID="

// environment puts a process's environment together: what it begins with, its
// layers, what it was asked for with, the three variables that every service
// gets, and those of this launch.
func environment(r Request) ([]string, error) {
	env := variables{index: map[string]int{}}
	service, launch := &r.Service, &r.Launch
	read := readEnvFile
	if c := service.Confinement; c != nil {
		env.begin(&c.Identity)
		read = func(path string) ([]byte, error) { return readEnvFileOf(path, &c.Identity) }
	} else if !service.NoInherit {
		env.inherit(r.Inherited, service.Strip)
	}
	for _, layer := range service.Layers {
		if err := env.apply(layer, read); err != nil {
			return nil, Fail(spec.StageEnv, err)
		}
	}
	for _, assignment := range r.Asked {
		env.set(assignment)
	}
	env.put("SYSG_PROJECT=" + launch.Project)
	env.put("SYSG_SERVICE=" + launch.Service)
	env.put(invocation + launch.Incarnation)
	for _, assignment := range r.Vars {
		env.put(assignment)
	}
	return env.list, nil
}

func (v *variables) inherit(inherited, strip []string) {
	for _, assignment := range inherited {
		name, _, _ := strings.Cut(assignment, "=")
		if !slices.Contains(strip, name) {
			v.set(assignment)
		}
	}
}

// begin is what a service of the system's instance has before its own: what a
// login gives a user (environ(7)), and nothing of whoever started us.
func (v *variables) begin(id *generation.Identity) {
	v.put("PATH=" + systemPath)
	for _, one := range [...]struct{ name, value string }{
		{"HOME", id.Home}, {"USER", id.Name}, {"LOGNAME", id.Name}, {"SHELL", id.Shell},
	} {
		if one.value != "" {
			v.put(one.name + "=" + one.value)
		}
	}
}

func (v *variables) apply(layer generation.Layer, read func(path string) ([]byte, error)) error {
	assignments := layer.Vars
	if layer.File != "" {
		text, err := read(layer.File)
		if layer.Optional && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			assignments, err = envfile.Parse(layer.File, text, v.lookup)
		}
		if err != nil {
			return fmt.Errorf("cannot read env file: %w", err)
		}
	}
	for _, assignment := range assignments {
		v.set(assignment)
	}
	return nil
}
