package confine

import (
	"fmt"
	"strings"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// Outline is what the launch of a service's command will do, as far as it can
// be known without doing any of it: for people, who are to see what they get.
// What Steps does is Steps itself; what sysg-exec does before is said here.
//
// What this kernel lacks is said as well, so it is to be asked where the service
// runs. It reads no env file, so that an environment's values are never in it.
func Outline(s *generation.LaunchService, role spec.Role) ([]Step, error) {
	l := Launch{
		Dir: s.Dir, Umask: s.Umask, Rlimits: s.Rlimits, Nice: s.Nice, OOMScore: s.OOMScore,
		Affinity: s.Affinity, IOPriority: s.IOPriority, NoNewPrivs: s.NoNewPrivs, Confinement: s.Confinement,
	}
	for _, command := range s.Roles {
		if command.Role == role {
			l.Argv = command.Argv
		}
	}
	l.Joined = Joins(role) && s.Confinement != nil && namespaceFlags(s.Confinement) != 0
	if l.Argv == nil {
		return nil, fmt.Errorf("service %q has no command of the role %q", s.Name, role)
	}
	before := []Step{
		{Stage: spec.StageGrant, Does: "check who asks, and that the generation and the role are installed"},
		{Stage: spec.StageCgroup, Does: "make the incarnation's cgroup leaf" + cgroupRoot(s.Cgroup)},
	}
	if s.Cgroup != nil {
		for _, file := range s.Cgroup.Files {
			before = append(before, Step{Stage: spec.StageCgroup, Does: "before anything joins it, " + file.Name + " = " + file.Value})
		}
	}
	if role == spec.RoleMain {
		before = append(before, l.outlineSockets(s)...)
	}
	before = append(before, Step{Stage: spec.StagePipes, Does: "make the pipes of standard output and error"})
	before = append(before, outlineEnvironment(s)...)
	missing, err := settle(&l)
	if err != nil {
		failure := Fail(spec.StageClone, err)
		return append(before, Step{Stage: failure.Stage, Does: "refuse the launch: " + failure.Detail}), nil
	}
	for _, key := range missing {
		before = append(before, Step{Stage: spec.StageClone, Does: "leave out isolation." + key + ", which this kernel lacks and best_effort names"})
	}
	before = append(before, Step{Stage: spec.StageClone, Does: "clone into the leaf, with a pidfd" + l.namespacesText() + l.wayText()})
	return append(before, Steps(l, nil)...), nil
}

// wayText says who does what follows.
func (l *Launch) wayText() string {
	if l.direct() {
		return "; what follows is part of the clone, or of the thread that makes it"
	}
	return "; what follows the new process does to itself"
}

func cgroupRoot(c *generation.Cgroup) string {
	if c == nil || c.Root == "" {
		return ""
	}
	return " below " + c.Root
}

// outlineSockets says which descriptors it gets, and numbers them in l.
func (l *Launch) outlineSockets(s *generation.LaunchService) []Step {
	var steps []Step
	for i, socket := range s.Sockets {
		fd := firstFD + i
		l.Passed = append(l.Passed, fd)
		steps = append(steps, Step{Stage: spec.StageSockets, Does: fmt.Sprintf("descriptor %d is %s %s, made at the first launch and held since", fd, socket.Kind, socket.Address)})
	}
	if len(s.Sockets) > 0 {
		l.OwnPID = append(l.OwnPID, "LISTEN_PID")
	}
	if s.Notify {
		steps = append(steps, Step{Stage: spec.StageSockets, Does: "make a notify socket of its own"})
	}
	if s.ReadyFD != 0 {
		l.Passed = append(l.Passed, s.ReadyFD)
		steps = append(steps, Step{Stage: spec.StagePipes, Does: fmt.Sprintf("descriptor %d is a pipe on which it says that it is ready", s.ReadyFD)})
	}
	return steps
}

func outlineEnvironment(s *generation.LaunchService) []Step {
	from := "start from the recorded environment"
	if s.NoInherit || s.Confinement != nil {
		from = "start from an empty environment"
	}
	steps := []Step{{Stage: spec.StageEnv, Does: from}}
	for _, layer := range s.Layers {
		text := "read " + layer.File
		switch {
		case layer.File == "":
			names := make([]string, 0, len(layer.Vars))
			for _, assignment := range layer.Vars {
				name, _, _ := strings.Cut(assignment, "=")
				names = append(names, name)
			}
			text = "set " + strings.Join(names, " ")
		case layer.Optional:
			text += ", if it is there"
		}
		steps = append(steps, Step{Stage: spec.StageEnv, Does: text})
	}
	return steps
}

// namespacesText names the namespaces that the process is born in.
func (l *Launch) namespacesText() string {
	c := l.Confinement
	if c == nil || len(namespaceNames(c)) == 0 {
		return ""
	}
	whose, under := "of its own", ""
	if l.Joined {
		whose = "of the running service"
	} else if hasInit(c) {
		under = ", below sysg-exec init as process 1"
	}
	return fmt.Sprintf(", into namespaces %s: %s%s", whose, strings.Join(namespaceNames(c), " "), under)
}
