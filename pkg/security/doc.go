// Package security tells what running processes could do, from what the kernel
// shows of them: not from what a manifest asks for.
//
//	Read    /proc/PID/status, ns, mountinfo, attr, and the cgroup's limits
//	Judge   a finding for each aspect, with its evidence, and a sum
//
// The sum is an exposure from 0, where nothing is left to take away, to 10. Each
// aspect has a weight, by how far somebody gets who has taken over the service
// and finds that door open. What cannot be seen counts as open. The number
// compares services and versions of one; it is no measure of danger, since it
// knows nothing of what the program itself does.
//
// One thing the kernel shows of no process: its Landlock domain. For that the
// finding rests on the generation, and says so.
package security
