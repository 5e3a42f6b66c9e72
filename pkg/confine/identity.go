package confine

import "systemg.org/sysg/pkg/generation"

// identitySteps are the steps of its capabilities and its user: the bounding set, the ids, the sets.
func identitySteps(c *generation.Confinement) []Step {
	panic("not written yet")
}
