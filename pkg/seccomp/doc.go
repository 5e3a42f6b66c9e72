// Package seccomp compiles what a manifest says of system calls into a filter
// that the kernel can run (seccomp(2), linux/filter.h). sysg does it when it
// compiles the generation; sysg-exec only installs the bytes.
//
//	Profile   service, strict, or lists of one's own    what the manifest says
//	rule      allow, refuse or look at an argument      one for each system call
//	program   classic BPF, a search tree over numbers   generation.Seccomp.Filter
//
// # What a filter does
//
// A call of another architecture than the machine's own (32-bit code on a
// 64-bit kernel) ends the process: its numbers mean other calls, so that no
// list could hold it. A call that this build does not know, since the kernel is
// newer, gets ENOSYS, as an older kernel would answer: whoever uses new calls
// has a fallback for that, and nothing is allowed that nobody has weighed.
//
// A call that is known and refused gets EPERM, or ENOSYS where programs look
// for just that to take the older way. clone3 is the most important one: its
// flags lie in memory, where no filter can look, so it is never allowed by a
// profile, and glibc makes its threads with clone after ENOSYS, but gives up
// after EPERM.
//
// # The profiles
//
// service is for what a Linux server does: anything but to change the kernel,
// to mount, to make or enter namespaces, to look into other processes, and what
// the kernel has kept only for programs of the last century. strict also takes
// keys, System V IPC, chroot, NUMA placement and sockets other than those of the
// internet, of unix and netlink. testdata/*.txt say it call by call.
//
// # Why not a library
//
// elastic/go-seccomp-bpf lets calls of other architectures through where the
// default is to allow, knows EPERM only, and fills tables for five
// architectures at every start of the program that links it.
package seccomp
