package confine

import "systemg.org/sysg/pkg/generation"

// mountSteps are the steps of what it sees of the file system.
func mountSteps(c *generation.Confinement) []Step {
	panic("not written yet")
}
