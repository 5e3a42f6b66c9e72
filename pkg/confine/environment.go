package confine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
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

// environment puts a process's environment together: what it inherits, its
// layers, what it was asked for with, the three variables that every service
// gets, and those of this launch.
func environment(r Request) ([]string, error) {
	env := variables{index: map[string]int{}}
	service, launch := &r.Service, &r.Launch
	if !service.NoInherit {
		for _, assignment := range r.Inherited {
			name, _, _ := strings.Cut(assignment, "=")
			if !slices.Contains(service.Strip, name) {
				env.set(assignment)
			}
		}
	}
	for _, layer := range service.Layers {
		if err := env.apply(layer); err != nil {
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

func (v *variables) apply(layer generation.Layer) error {
	assignments := layer.Vars
	if layer.File != "" {
		text, err := readEnvFile(layer.File)
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

// readEnvFile reads a regular file of a bounded size. O_NONBLOCK keeps the
// open of a FIFO from waiting for a writer; it changes nothing for a file.
func readEnvFile(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	stat, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !stat.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a regular file", path)
	}
	text, err := io.ReadAll(io.LimitReader(file, envfile.MaxSize+1))
	if err == nil && len(text) > envfile.MaxSize {
		err = fmt.Errorf("%q is larger than %d bytes", path, envfile.MaxSize)
	}
	return text, err
}
