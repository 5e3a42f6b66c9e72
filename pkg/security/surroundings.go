package security

import (
	"fmt"
	"slices"

	"systemg.org/sysg/pkg/generation"
)

func (s *Subject) confinement() *generation.Confinement {
	if s.Declared == nil {
		return nil
	}
	return s.Declared.Confinement
}

// landlock rests on what is declared: sysg-exec launches nothing without it,
// but for what best_effort names, which it reports as missing.
func landlock(s *Subject, _ *Process) seen {
	const hidden = "the kernel shows it of no process"
	c := s.confinement()
	switch {
	case s.Declared == nil:
		return no("cannot be seen", "no permission to read the generation, and "+hidden)
	case c == nil || c.Landlock == nil:
		return no("not declared", "the generation has none, and "+hidden)
	case slices.Contains(s.Missing, "landlock"):
		return no("missing", "this kernel has none, and best_effort names it")
	}
	return yes("declared", "the generation has it, and nothing is launched without; "+hidden)
}

func label(s *Subject, p *Process) seen {
	switch p.Label {
	case "":
		return seen{absent: true}
	case "unconfined", s.Machine.Label:
		return no(p.Label, p.says("attr/current", "%s", p.Label))
	}
	return yes(p.Label, p.says("attr/current", "%s", p.Label))
}

// protectSystem: the programs, their settings, and the rest.
func protectSystem(_ *Subject, p *Process) seen {
	if p.Mounts == nil {
		return unseen(p.says("mountinfo", "it is another user's"))
	}
	share, open := 0.0, ""
	for _, part := range []struct {
		path   string
		weight float64
	}{{"/usr", 0.5}, {"/etc", 0.3}, {"/", 0.2}} {
		if m, found := at(p.Mounts, part.path); !found || !m.ReadOnly {
			share += part.weight
			open += " " + part.path
		}
	}
	if open == "" {
		return yes("read-only", p.says("mountinfo", "/usr, /etc and / are ro"))
	}
	return seen{share, "may be written to:" + open, p.says("mountinfo", "rw%s", open), false}
}

// private: something else is mounted there than outside.
func private(path string) func(*Subject, *Process) seen {
	return func(s *Subject, p *Process) seen {
		if p.Mounts == nil || s.Machine.Mounts == nil {
			return unseen(p.says("mountinfo", "it is another user's"))
		}
		own, _ := at(p.Mounts, path)
		outside, _ := at(s.Machine.Mounts, path)
		evidence := p.says("mountinfo", "%s is %s of device %s", path, own.Root, own.Device)
		if own.Device == outside.Device && own.Root == outside.Root {
			return no("shared with everybody", evidence)
		}
		return yes("its own", evidence)
	}
}

func namespace(kind string) func(*Subject, *Process) seen {
	return func(s *Subject, p *Process) seen {
		if p.Namespaces == nil {
			return unseen(p.says("ns/"+kind, "it is another user's"))
		}
		evidence := p.says("ns/"+kind, "%s", p.Namespaces[kind])
		if p.Namespaces[kind] == s.Machine.Namespaces[kind] {
			return no("the machine's", evidence)
		}
		return yes("its own", evidence)
	}
}

func limited(file string) func(*Subject, *Process) seen {
	return func(s *Subject, p *Process) seen {
		value, evidence := limit(&s.Machine, p.Cgroup, file)
		if value == "" {
			return no("no limit", evidence)
		}
		return yes(fmt.Sprintf("at most %s", value), evidence)
	}
}
