package confine

import "systemg.org/sysg/pkg/generation"

// seccompSteps are the steps of seccomp.
func seccompSteps(c *generation.Confinement) []Step {
	panic("not written yet")
}
