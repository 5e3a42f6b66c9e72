// Package cgroup holds cgroup v2 directories (cgroups(7)): it finds the tree,
// makes and removes directories, kills what lives in one, and reads what the
// kernel says of it.
//
// A directory is a Dir, anchored by a descriptor, so that no name is resolved
// twice: what was opened is what is written to, whatever is renamed or mounted
// in between. Names below a Dir are single components.
//
// Text from the kernel is read by pure parsers (ParseMounts, ParseOwn,
// ParseEvents, ParseProcs), tested without a kernel.
//
// Version 2 only. On a hybrid machine, where version 1 has the controllers,
// the version 2 tree still contains, kills and tells emptiness; it is found by
// its file system type, not by a path.
package cgroup
