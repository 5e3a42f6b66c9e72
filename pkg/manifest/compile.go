package manifest

import (
	"fmt"
	"strings"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// CompileOptions is what a compilation takes from outside the manifest.
type CompileOptions struct {
	// Environ is what services may inherit, as KEY=value.
	Environ []string
}

// Compile makes a sealed generation of each project. The only error is that a
// project is too large to be installed.
func (m *Manifest) Compile(opts CompileOptions) ([]generation.Generation, error) {
	generations, err := m.compile(opts)
	for i := range generations {
		generation.Seal(&generations[i])
	}
	return generations, err
}

// Check returns the error of Compile, and takes half its time.
func (m *Manifest) Check(opts CompileOptions) error {
	_, err := m.compile(opts)
	return err
}

func (m *Manifest) compile(opts CompileOptions) ([]generation.Generation, error) {
	generations := make([]generation.Generation, 0, len(m.Projects))
	for i := range m.Projects {
		p := &m.Projects[i]
		g := m.compileProject(p, opts.Environ)
		// Checked before sealing, which writes everything out: what services
		// share in memory they do not share in a file.
		if size := launchSize(&g.Launch); size > spec.MaxGeneration {
			return nil, fmt.Errorf("cannot compile project %q: %d MiB are more than the %d that can be installed", p.ID, size>>20, spec.MaxGeneration>>20)
		}
		generations = append(generations, g)
	}
	return generations, nil
}

func (m *Manifest) compileProject(p *Project, environ []string) generation.Generation {
	g := generation.Generation{
		Supervise: generation.Supervise{
			Format: generation.Format, Project: p.ID, Name: p.Name, Manifest: m.Path, Loose: p.Loose,
			Settings: generation.Settings{MaxConcurrent: max(0, m.opts.Settings.MaxConcurrent), Closed: m.opts.Settings.Closed}, Sources: m.sources(p),
		},
		Launch: generation.Launch{Format: generation.Format, Project: p.ID},
	}
	g.Supervise.Services = make([]generation.Service, 0, len(p.Services))
	g.Launch.Services = make([]generation.LaunchService, 0, len(p.Services))
	for i := range p.Services {
		s := &p.Services[i]
		g.Supervise.Services = append(g.Supervise.Services, m.superviseService(s))
		g.Launch.Services = append(g.Launch.Services, m.launchService(p, s))
	}
	g.Launch.Inherited = inherited(environ, g.Launch.Services)
	g.Launch.Variables = m.files.variables()
	return g
}

// superviseService is the part for sysgd, which holds no value of a variable
// but numbers, durations and names.
func (m *Manifest) superviseService(s *Service) generation.Service {
	result := generation.Service{
		Name:      s.Name,
		Command:   s.Command,
		Restart:   s.Restart,
		Once:      s.Once,
		Success:   s.Exits.Success,
		NoRestart: s.Exits.NoRestart,
		Stop:      s.Stop,
		Ready:     s.Ready,
		Logs:      s.Logs,
	}
	if s.Exec != nil {
		result.Command = display(s.Exec)
	}
	for _, d := range s.DependsOn {
		result.DependsOn = append(result.DependsOn, generation.Dependency{Service: d.Service, Condition: d.Condition, Keep: d.Keep})
	}
	result.Health = s.Deployment.Health.probe()
	if s.Deployment.PreStart != "" {
		result.PreStart = &generation.PreStart{Timeout: s.Deployment.PreStartTimeout}
	}
	m.superviseLife(s, &result)
	s.runsAs(&result)
	return result
}

// display is what people are shown of a list of arguments.
func display(args []Text) string {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = arg.Raw
		if arg.Raw == "" || strings.ContainsAny(arg.Raw, " \t\n'\"\\") {
			words[i] = shellQuote(arg.Raw)
		}
	}
	shown := strings.Join(words, " ")
	if len(shown) > maxDisplay {
		shown = strings.ToValidUTF8(shown[:maxDisplay], "") + "…"
	}
	return shown
}

// maxDisplay is more than anybody reads.
const maxDisplay = 16 << 10

// launchService is the part for sysg-exec.
func (m *Manifest) launchService(p *Project, s *Service) generation.LaunchService {
	result := generation.LaunchService{
		Name:     s.Name,
		Roles:    roles(s),
		Dir:      s.Dir,
		Umask:    s.Umask,
		Rlimits:  s.Limits.Rlimits,
		Nice:     s.Limits.Nice,
		OOMScore: s.Limits.OOMScore,
	}
	launchLife(s, &result)
	m.launchConfinement(s, &result)
	m.environment(p, s, &result)
	return result
}

func commandArgv(command string, args []Text) []string {
	if args == nil {
		return shellArgv(command)
	}
	argv := make([]string, len(args))
	for i, arg := range args {
		argv[i] = arg.Value
	}
	return argv
}

// launchSize is about what the launch part takes when it is written.
func launchSize(l *generation.Launch) int {
	size := totalLength(l.Inherited) + totalLength(l.Variables)
	for i := range l.Services {
		s := &l.Services[i]
		size += len(s.Name) + len(s.Dir) + totalLength(s.Strip)
		for _, command := range s.Roles {
			size += totalLength(command.Argv)
		}
		for _, layer := range s.Layers {
			size += len(layer.File) + totalLength(layer.Vars)
		}
		if c := s.Confinement; c != nil {
			size += totalLength(c.ReadOnly) + totalLength(c.ReadWrite) + totalLength(c.Inaccessible)
			if c.Seccomp != nil {
				size += len(c.Seccomp.Filter) * 4 / 3 // as base64
			}
		}
	}
	return size
}

func totalLength(texts []string) int {
	total := 0
	for _, text := range texts {
		total += len(text) + 3 // Its quotes and comma.
	}
	return total
}
