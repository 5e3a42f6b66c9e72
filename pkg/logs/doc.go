// Package logs captures what services write to their standard output and
// error, keeps it in files, and shows it again.
//
//	pipes ─splice─▶ spool ──▶ Capture (one goroutine) ──▶ <dir>/<project>/<service>.log{,.1,.2 …}
//	                                           │
//	                     Tail, Follow ◀────────┘
//
// A file holds lines of this form, in the order of their arrival; within a
// stream that is the order in which they were written:
//
//	2026-01-02T03:04:05.123456Z stdout some text
//
// The text is the service's own, byte for byte, whether or not it is valid
// UTF-8. A line of more than MaxLine bytes is written as several; all but the
// last of them end with SplitMark. The time is that of the read that completed
// the line. The lines of a command beside the service, such as its health check
// or a hook, begin with its label: "[health] ", "[hook onerr] ".
//
// Whose line it is stands beside the log, in .web.runs (runs.go): the lines of
// one run can be asked for, and the form of the log is nobody's concern.
//
// When the next line would make a file larger than its policy allows, the file
// becomes .1, .1 becomes .2, and so on; the last one goes. Each file begins and
// ends with a whole line.
//
// A service must never wait for us or die of us for longer than a write takes.
// So lines that cannot be written, because the disk is full or the file is not
// ours to write, are counted and dropped; a line that says how many and why is
// written as soon as writing works again. Options.Lost is told when that begins
// and when it is over.
//
// With generation.SinkJournal each line goes to journald, as far as that takes
// it, and to the file otherwise: a journald that is away or stuck costs nobody
// a line, and nobody more than a moment (journal.go).
//
// Who waits for a line, for a service that is ready with it, has a Watch: it sees
// each line of a run on its way, and those that an earlier Capture has written.
//
// With generation.FormatRaw a file holds the bytes of both streams as they came,
// and is rotated when it has exactly the size of its policy.
//
// # A kill loses and doubles nothing
//
// The pipes outlive us: sysg-exec keeps them and hands them to the next Capture.
// What has left a pipe must outlive us as well, from the very moment. So bytes
// leave it only by splice(2) into a file, the spool of that pipe, whose length
// then says how many have left it. They are read from there, become lines, and
// are written to the log. A word in a shared mapping, the ledger, is the position
// in the spool up to which that is done: one store commits a batch. A kill finds
// us in one of these places:
//
//   - before the splice: the bytes are in the pipe;
//   - in it, or before the lines are written: they are in the spool beyond the
//     position, and the next Capture begins with them when it is given the pipe;
//   - while lines are written, or before the commit: the same, and the ledger
//     says which file had which length before. There is one such write at a time,
//     and the next Capture cuts it off before it does anything else;
//   - after the commit: all of it is in the log. Giving back the spool's room and
//     rotation happen only here.
//
// An unfinished line stays in the spool, for the process that sees its end. Of
// raw output the log itself is the spool, so there is nothing to commit.
//
// What this does not cover: a crash of the machine, after which spools are thrown
// away; an administrator who truncates a log between a write and its commit, when
// a kill comes in the same moment; the time while a spool has no room, when bytes
// are kept in memory alone rather than lost for certain; the number of lines
// dropped on a full disk that was not reported yet; and a journal, to which a line
// that was sent in the moment of a kill is sent once more.
//
// # How much it costs
//
// Capture has one goroutine, one epoll instance and one set of buffers, however
// many services there are. It sleeps until a pipe has something, and turns what
// one splice(2) brought into one write(2). A service has open files only while
// its pipes are open and it has written something: its log, and a spool for each
// pipe, which has no page while there is no unfinished line. The ledger has 128 KiB.
//
// # Reading
//
// Tail, History and Follow read the files and nothing else, so they need no
// Capture and see the same after a restart of the daemon. A Query says which
// lines are wanted. Tail ends at a Position from
// which Follow goes on, without losing or repeating a line in between, over
// rotation and truncation. A reader that is slower than rotation for so long
// that a file is deleted before its turn goes on with the oldest one left.
package logs
