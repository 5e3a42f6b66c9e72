// Package store keeps what sysgd must not forget: for each project, what is
// wanted, how its services are, and which processes are theirs.
//
//	<dir>/<project>/state.json   what is wanted, and how each service is
//	<dir>/<project>/pid.json     the processes, valid for one boot
//
// A file is whole at every moment, whatever dies: it is written beside, synced
// and renamed (sys.WriteFileAtomic). The two files are not one, so after a death
// between them one may be newer; both name the incarnation that they speak of.
// Neither is evidence that a process lives. They say where to look for it, and
// sysg-exec or the kernel is asked.
//
// Reading is strict: an unknown field, a missing or wrong version, or trailing
// bytes make the file corrupt. A corrupt file is never overwritten by reading
// it; SetAside keeps it as evidence, and then the project can be read without.
//
// Writer saves in the background. Saving waits for the disk, so that a thousand
// transitions must not cost a thousand of them: Writer keeps only the newest
// value of each project that waits its turn.
package store
