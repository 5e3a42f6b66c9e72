package confine

import "systemg.org/sysg/pkg/generation"

// lsmSteps are the steps of apparmor and selinux.
func lsmSteps(c *generation.Confinement) []Step {
	if c.AppArmor+c.SELinux != "" {
		panic("not written yet")
	}
	return nil
}
