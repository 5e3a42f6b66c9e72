package generation

import (
	"fmt"
	"slices"
	"strings"
)

// graph checks that every dependency exists and that none leads back.
func (s *Supervise) graph() error {
	index := make(map[string]int, len(s.Services))
	for i := range s.Services {
		index[s.Services[i].Name] = i
	}
	// Services are taken away once all that they depend on are gone (Kahn):
	// what stays is on a cycle, or behind one.
	open := make([]int, len(s.Services))
	dependants := make([][]int, len(s.Services))
	for i := range s.Services {
		for _, d := range s.Services[i].DependsOn {
			on, found := index[d.Service]
			if !found {
				return fmt.Errorf("service %q depends on %.100q, which does not exist", s.Services[i].Name, d.Service)
			}
			open[i]++
			dependants[on] = append(dependants[on], i)
		}
	}
	free := make([]int, 0, len(open))
	for i := range open {
		if open[i] == 0 {
			free = append(free, i)
		}
	}
	for next := 0; next < len(free); next++ {
		for _, i := range dependants[free[next]] {
			if open[i]--; open[i] == 0 {
				free = append(free, i)
			}
		}
	}
	if len(free) == len(open) {
		return nil
	}
	return fmt.Errorf("dependencies form a cycle: %s", s.cycle(index, open))
}

// cycle prints one. open says which services have dependencies that are left;
// following those must come back to a service seen before.
func (s *Supervise) cycle(index map[string]int, open []int) string {
	at := slices.IndexFunc(open, func(n int) bool { return n > 0 })
	var path []string
	for {
		name := s.Services[at].Name
		if from := slices.Index(path, name); from >= 0 {
			return strings.Join(append(path[from:], name), " → ")
		}
		path = append(path, name)
		left := slices.IndexFunc(s.Services[at].DependsOn, func(d Dependency) bool { return open[index[d.Service]] > 0 })
		at = index[s.Services[at].DependsOn[left].Service]
	}
}
