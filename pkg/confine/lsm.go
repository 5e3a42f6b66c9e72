package confine

import "systemg.org/sysg/pkg/generation"

// lsmSteps are the steps of AppArmor and SELinux.
func lsmSteps(c *generation.Confinement) []Step {
	panic("not written yet")
}
