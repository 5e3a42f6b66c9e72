package api

// The codes of driving projects: of the client, purge, doctor and the two
// modes. The others are in diagnostic.go.
const (
	CodeOtherManifest   = "SG0005" // project was started from another manifest
	CodeDisagreement    = "SG0009" // doctor: what is recorded and what runs disagree
	CodeStillRunning    = "SG0111" // client stopped waiting, the command goes on
	CodeRecycle         = "SG0303" // supervisor of another version was not replaced
	CodePurgeRefused    = "SG0401" // purge of something that runs
	CodePurgePartial    = "SG0402" // purge left something behind
	CodePurgeUnknown    = "SG0403" // purge of a project of which there is nothing
	CodePurgeName       = "SG0404" // purge of what is no project's name
	CodePurgeSupervisor = "SG0405" // purge: the supervisor did not end
	CodeOlderRuns       = "SG0602" // the older program's supervisor has this state
	CodeRootWithoutSys  = "SG0701" // warning: root's own instance
	CodeOtherMode       = "SG0702" // root without --sys where there is a system instance
	CodeNeedsRoot       = "SG0704" // --sys without root
	CodeNoNewPrivs      = "SG0723" // no_new_privs could not be set
	CodeRLimit          = "SG0741" // a resource limit could not be set
	CodeNice            = "SG0742" // nice could not be set
	CodeAffinity        = "SG0743" // cpu_affinity could not be set
	CodeIONice          = "SG0749" // ionice could not be set
	CodeOutOfMemory     = "SG0115" // killed by the kernel for its memory
)

var drivingExplanations = []Explanation{
	{
		CodeOtherManifest, "A project was started from another file than before.",
		"Two manifests name the same project. The supervisor knows one project of a name, and takes the file that it was given last.",
		"If they are two stacks, give one of them another `project`. If the file has moved, there is nothing to do.",
	},
	{
		CodeDisagreement, "What is recorded and what runs disagree.",
		"`sysg doctor` compared the records with the kernel. A process that escaped, a file that was changed by hand, or a defect of sysg.",
		"Each finding names its service. `sysg restart -s SERVICE` mends most; if it comes back, please report it with the findings.",
	},
	{
		CodeStillRunning, "The command took so long that sysg does not wait any more. It goes on.",
		"A service takes long to become ready, or a stop to end. The limit is `timeouts.command_wait_secs` of sysgd.conf (900 seconds).",
		"`sysg status` shows how far it is. Raise the limit, or set it to 0 to wait for ever.",
	},
	{
		CodeRecycle, "The supervisor is of another version than sysg, and could not be replaced.",
		"The old one did not end in time, or the new one did not come up.",
		"`sysg logs --supervisor` says why. The services run on; the next `sysg` command tries again.",
	},
	{
		CodePurgeRefused, "Nothing was deleted, since something runs.",
		"`sysg purge` does not touch what runs.",
		"Stop it first (`sysg stop --supervisor`), or have purge do so with `--force`.",
	},
	{
		CodePurgePartial, "Not everything could be deleted.",
		"A file belongs to somebody else, or its folder cannot be written.",
		"The notes name what is left. Mend its permissions, and purge again.",
	},
	{
		CodePurgeUnknown, "There is nothing of the project to delete.",
		"The name is misspelt, or the project was never started.",
		"The note lists the projects of which there is something.",
	},
	{
		CodePurgeName, "What was to be purged is no name of a project.",
		"A project is one folder, so its name has no slash and does not begin with a dot.",
		"Name the project as `sysg status` does.",
	},
	{
		CodePurgeSupervisor, "The supervisor did not end, so nothing was deleted.",
		"It is stopped (SIGSTOP), or a service does not end.",
		"`sysg stop --supervisor` says what is in the way; purge again once it has ended.",
	},
	{
		CodeOlderRuns, "A supervisor of the older program runs with the same folder of state.",
		"`sysg` was replaced while its services were running. Two supervisors would start everything twice.",
		"Stop the older one with its own program (`sysg stop --supervisor`), then start again with this one.",
	},
	{
		CodeRootWithoutSys, "sysg runs as root without `--sys`. This is only a warning.",
		"State and logs go to root's own folders, not to those of the system.",
		"Nothing, if that is meant; `--user` says so.",
	},
	{
		CodeOtherMode, "There is a system instance, and root called sysg without `--sys`.",
		"The command would work with root's own instance, of which nobody else knows.",
		"Add `--sys`, or `--user` if root's own instance is meant.",
	},
	{
		CodeNeedsRoot, "The caller may not do that.",
		"The system's instance is changed by root only. Members of the group sysg start and stop what root has installed; others may look on, unless `access.others` of /etc/systemg/sysgd.conf is none.",
		"Run it with sudo, or leave out `--sys` to use your own instance.",
	},
	{
		CodeNoNewPrivs, "A service could not give up gaining privileges.",
		"The kernel refused PR_SET_NO_NEW_PRIVS, which only a seccomp filter around sysg-exec makes it do.",
		"Look at what confines sysg itself.",
	},
	{
		CodeRLimit, "A limit of a service could not be set.",
		"The value of `limits` is above the hard limit that sysg runs with, which only root may raise.",
		"Lower it, or raise the hard limit (`ulimit -H`, `LimitNOFILE=` of the unit).",
	},
	{
		CodeNice, "The `nice` value of a service could not be set.",
		"A value below that of sysg itself asks for a privilege, or for RLIMIT_NICE.",
		"Use a higher value.",
	},
	{
		CodeAffinity, "A service could not be bound to its CPUs.",
		"A CPU of `cpu_affinity` is not there, or not in the cpuset.",
		"`nproc` says how many there are, counted from 0.",
	},
	{
		CodeIONice, "The disk priority of a service could not be set.",
		"The class `realtime` asks for a privilege.",
		"Use `best-effort` or `idle`.",
	},
	{
		CodeOutOfMemory, "The kernel killed a service for its memory.",
		"It reached `limits.cgroup.memory_max`, a limit further up, or the machine had no memory left. The text says which.",
		"Raise the limit, or look for what takes the memory: `sysg status` shows how much it uses.",
	},
}
