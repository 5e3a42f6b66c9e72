package seccomp

import "strings"

// The names of the profiles.
const (
	Service = "service"
	Strict  = "strict"
	// Custom names a filter that is made of the manifest's own lists.
	Custom = "custom"
)

// Namespace flags of linux/sched.h. NEWTIME shares its bit with the signal
// number in clone(2), which therefore cannot make one; unshare(2) can.
const (
	cloneNewNamespaces = 0x7e020000 // NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET
	cloneNewTime       = 0x80
)

// refused are calls that no profile allows.
var refused = strings.Fields(`
	init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff acct quotactl quotactl_fd
	bpf perf_event_open syslog vhangup iopl ioperm sethostname setdomainname settimeofday clock_settime

	mount umount2 pivot_root move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick mount_setattr
	open_by_handle_at setns

	ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd userfaultfd`)

// absent are calls that no profile allows and that answer as if the kernel did
// not have them: clone3 and io_uring, whose work no filter sees and after whose
// ENOSYS programs take the older calls (libuv, PostgreSQL, nginx); then
// modify_ldt, which a kernel can be built without; then what no kernel has any more.
var absent = strings.Fields(`
	clone3 io_uring_setup io_uring_enter io_uring_register modify_ldt
	_sysctl afs_syscall create_module epoll_ctl_old epoll_wait_old get_kernel_syms getpmsg lookup_dcookie nfsservctl
	putpmsg query_module security sysfs tuxcall uselib ustat vserver`)

// refusedStrictly is what strict takes in addition, and absentStrictly what
// a kernel can be built without (CONFIG_SYSVIPC).
var (
	refusedStrictly = strings.Fields(`
		add_key request_key keyctl chroot mbind set_mempolicy set_mempolicy_home_node migrate_pages move_pages
		fanotify_init fanotify_mark name_to_handle_at vmsplice`)
	absentStrictly = strings.Fields(`
		shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl`)
)

// looks are the calls of which the profiles see an argument. All of these
// arguments are 32 bits for the kernel, which ignores the upper half, and so
// must the filter (CVE-2019-10063 was one that did not).
var looks = map[string]rule{
	"clone":   {action: allow, look: &look{argument: 0, bits: cloneNewNamespaces, otherwise: eperm}},
	"unshare": {action: allow, look: &look{argument: 0, bits: cloneNewNamespaces | cloneNewTime, otherwise: eperm}},
	// PER_LINUX, and -1, which only asks.
	"personality": {action: allow, look: &look{argument: 0, values: []uint32{0, 0xffffffff}, otherwise: eperm}},
	// TIOCSTI types into a terminal, and TIOCLINUX can paste into a console.
	"ioctl": {action: eperm, look: &look{argument: 1, values: []uint32{0x5412, 0x541c}, otherwise: allow}},
}

// looksStrictly: sockets of AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK, by which
// libraries ask for the addresses of the machine.
var looksStrictly = map[string]rule{
	"socket": {action: allow, look: &look{argument: 0, values: []uint32{1, 2, 10, 16}, otherwise: noFamily}},
}

// always are the calls that no list can take away: the filter is installed
// before the execve, and the rest is what the staged process and the Go runtime
// of its thread do until then.
var always = strings.Fields(`
	execve exit exit_group rt_sigreturn restart_syscall
	read write ppoll futex mmap munmap madvise rt_sigprocmask getpid gettid tgkill sched_yield nanosleep prlimit64
	stat newfstatat faccessat2 readlinkat`)
