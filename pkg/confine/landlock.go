package confine

import "systemg.org/sysg/pkg/generation"

// landlockSteps are the steps of Landlock.
func landlockSteps(c *generation.Confinement) []Step {
	panic("not written yet")
}
