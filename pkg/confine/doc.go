// Package confine makes a service's process what its generation says, from the
// decision to launch to the execve.
//
//	Prepare   env files are read, the environment put together     stage env
//	Start     the process is made, in its cgroup, with a pidfd     stage clone
//	Steps     what it does to itself before it is the program      stages fds … exec
//
// There are two ways from Start to the program.
//
// Direct: one clone3 and one execve (syscall.ForkExec), where all that is
// wanted can be said in the attributes of the clone: a session, a cgroup, a
// directory. It is five times as fast as the other, and most services are so.
//
// Staged: the new process first becomes this program again, as "sysg-exec
// launch". It gets the Launch in a sealed memfd, takes the Steps one by one,
// and reports through a pipe which one failed. A direct launch that fails is
// repeated this way, since clone and execve cannot say where they failed.
//
// "sysg-exec init" is process 1 of a pid namespace, with the stage as its child
// (init.go). And a stage that runs beside a service, a check for instance, joins the
// namespaces of that (join.go) where others get new ones. What a process has to do
// before its first execve for either is a list of system calls (fork.go).
//
// Steps is a list, not a function, so that it can be printed and its order
// tested without a process.
//
// No error of this package quotes a value of an environment or the content of
// an env file.
package confine
