package generation

// Confinement is as whom a service of the system's instance runs, and what it
// is kept from. There, every service has one; a user's instance cannot enforce
// any of it, and has none.
type Confinement struct {
	Identity Identity `json:"identity"`
	// Capabilities has bit n for capability n of linux/capability.h: the only
	// ones that it keeps, in all five sets, uid 0 included.
	Capabilities uint64 `json:"capabilities,omitempty"`

	// Namespaces of its own.
	Network bool `json:"network,omitempty"`
	Mount   bool `json:"mount,omitempty"`
	PID     bool `json:"pid,omitempty"`
	User    bool `json:"user,omitempty"`
	IPC     bool `json:"ipc,omitempty"`
	UTS     bool `json:"uts,omitempty"`
	Cgroup  bool `json:"cgroup,omitempty"`
	// Init: with PID, "sysg-exec init" is process 1 there and the service its child.
	Init bool `json:"init,omitempty"`

	PrivateTmp     bool    `json:"private_tmp,omitempty"`
	PrivateDevices bool    `json:"private_devices,omitempty"`
	ProtectSystem  Protect `json:"protect_system,omitempty"`
	// Absolute paths, each of which must exist.
	ReadOnly     []string `json:"read_only_paths,omitempty"`
	ReadWrite    []string `json:"read_write_paths,omitempty"`
	Inaccessible []string `json:"inaccessible_paths,omitempty"`

	Seccomp  *Seccomp  `json:"seccomp,omitempty"`
	Landlock *Landlock `json:"landlock,omitempty"`
	AppArmor string    `json:"apparmor_profile,omitempty"`
	SELinux  string    `json:"selinux_context,omitempty"`

	// BestEffort names keys of isolation that are left out, and reported, where
	// the kernel lacks them. Everything else refuses the launch.
	BestEffort []string `json:"best_effort,omitempty"`
}

// Identity is a user, resolved when the manifest was compiled: nobody looks up
// a name later.
type Identity struct {
	// Name is for people, and for USER and LOGNAME; "" for a bare number.
	Name string `json:"name,omitempty"`
	// Home and Shell are those of the user database, "" where it has none.
	Home  string `json:"home,omitempty"`
	Shell string `json:"shell,omitempty"`
	UID   uint32 `json:"uid"`
	GID   uint32 `json:"gid"`
	// Groups are the supplementary ones, sorted. They are always set.
	Groups []uint32 `json:"groups,omitempty"`
	// Dropped: the manifest names no user, and --drop-privileges made it nobody.
	Dropped bool `json:"dropped,omitempty"`
}

// Protect is how much of the file system is read-only.
type Protect string

// The degrees of protection. The zero value is none.
const (
	ProtectUsr    Protect = "true"   // /usr, /boot, /efi and /etc
	ProtectStrict Protect = "strict" // everything but /dev, /proc, /sys and ReadWrite
)

// Seccomp is a filter of system calls, compiled for the machine that installed it.
type Seccomp struct {
	// Name is the profile's, "custom" for one of the manifest's own.
	Name string `json:"name"`
	// Filter is an array of struct sock_filter (linux/filter.h).
	Filter []byte `json:"filter"`
}

// Landlock is what a service may use of the file system and of TCP.
type Landlock struct {
	ReadOnly  []string `json:"ro_paths,omitempty"`
	ReadWrite []string `json:"rw_paths,omitempty"`
	// Bind and Connect are the ports that it may use; null is all of them.
	Bind    []uint16 `json:"tcp_bind"`
	Connect []uint16 `json:"tcp_connect"`
}

// Cgroup is the limits of all processes of a service together, written to the
// leaf of each incarnation before anything joins it.
type Cgroup struct {
	// Root is an absolute directory that takes the place of the supervisor's own
	// tree, "" for that.
	Root string `json:"root,omitempty"`
	// Files are written in this order.
	Files []CgroupFile `json:"files,omitempty"`
}

// CgroupFile is what is written to one file of cgroup2, such as memory.max.
type CgroupFile struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
