package confine

import "systemg.org/sysg/pkg/generation"

// landlockSteps are the steps of landlock.
func landlockSteps(c *generation.Confinement) []Step {
	if c.Landlock != nil {
		panic("not written yet")
	}
	return nil
}
