package confine

import "systemg.org/sysg/pkg/generation"

// networkSteps are the steps of loopback in a network of its own.
func networkSteps(c *generation.Confinement) []Step {
	panic("not written yet")
}
