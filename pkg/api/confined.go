package api

// The codes of launches in the system's instance that fail: a service is as its
// manifest says, or it does not run.
const (
	CodeProtection  = "SG0721" // a key that asks for protection cannot be enforced here
	CodeSeccomp     = "SG0722" // the seccomp filter could not be installed
	CodeLandlock    = "SG0724" // landlock is not there, or not complete
	CodeNamespace   = "SG0727" // a namespace could not be made
	CodeGroups      = "SG0744" // supplementary groups could not be set
	CodeGroup       = "SG0745" // the group could not be set
	CodeUser        = "SG0746" // the user could not be set
	CodeKeptCaps    = "SG0747" // a capability could not be kept
	CodeGivenUpCaps = "SG0748" // a capability could not be given up

)

const (
	asCauseOnly      = "The cause names the key, the system call and what the kernel answered."
	perhapsContained = "Inside of a container, give it what the key needs, or leave the key out."
)

var confinedExplanations = []Explanation{
	{
		CodeProtection, "A key that asks for protection cannot be enforced here.",
		"This kernel or machine lacks what the key needs: a cgroup controller, AppArmor or SELinux, or a mount that a container may not make. " + asCauseOnly,
		"Leave the key out, or, below `isolation`, name it in `best_effort`; then `sysg status` says that it is missing.",
	},
	{
		CodeSeccomp, "The seccomp filter of a service could not be installed.",
		"The kernel was built without seccomp filters (CONFIG_SECCOMP_FILTER), or what confines sysg itself forbids more. " + asCauseOnly,
		"Leave `isolation.seccomp` out, or name it in `best_effort`.",
	},
	{
		CodeLandlock, "Landlock is not there, or not complete.",
		"Paths need Linux 5.13 with landlock among `lsm=`, ports Linux 6.7; and each path of the manifest has to exist. " + asCauseOnly,
		"`cat /sys/kernel/security/lsm` says what is on. Leave the key out, or name `landlock` in `best_effort`.",
	},
	{
		CodeNamespace, "A namespace of a service could not be made.",
		"The kernel allows none: `sysctl user.max_user_namespaces` and its like may be 0. " + asCauseOnly,
		"Leave the key out, or name it in `best_effort`. " + perhapsContained,
	},
	{
		CodeGroups, "The supplementary groups of a service could not be set.",
		"sysg-exec runs without CAP_SETGID, or in a user namespace that does not map them. " + asCauseOnly,
		"Look at what confines sysg-exec itself: `systemctl cat sysg-exec.service`.",
	},
	{
		CodeGroup, "The group of a service could not be set.",
		"sysg-exec runs without CAP_SETGID, or in a user namespace that does not map it. " + asCauseOnly,
		"Look at what confines sysg-exec itself: `systemctl cat sysg-exec.service`.",
	},
	{
		CodeUser, "The user of a service could not be set.",
		"sysg-exec runs without CAP_SETUID, or in a user namespace that does not map it; or the user has as many processes as it may (EAGAIN). " + asCauseOnly,
		"Look at what confines sysg-exec itself: `systemctl cat sysg-exec.service`.",
	},
	{
		CodeKeptCaps, "A service could not keep a capability that its manifest lists.",
		"sysg-exec does not have it itself: a unit or a container took it. " + asCauseOnly,
		"Leave it out of `capabilities`, or give it to sysg-exec (CapabilityBoundingSet=).",
	},
	{
		CodeGivenUpCaps, "A service could not give up a capability.",
		"The bounding set could not be reduced, as sysg-exec runs without CAP_SETPCAP. " + asCauseOnly,
		"Give it to sysg-exec (CapabilityBoundingSet=).",
	},
}
