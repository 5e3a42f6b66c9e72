// Package store keeps what sysgd must not forget: for each project, what is
// wanted, how its services are, which processes are theirs, and when they ran.
//
//	<dir>/<project>/state.json   what is wanted, and how each service is
//	<dir>/<project>/pid.json     the processes, valid for one boot
//	<dir>/<project>/cron_state.json   schedules, and the runs that there were
//
// A file is whole at every moment, whatever dies: it is written beside, synced
// and renamed (sys.WriteFileAtomic). The files are not one, so after a death
// between them one may be newer; all name the incarnation that they speak of.
// None is evidence that a process lives. They say where to look for it, and
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
