// Package logs captures what services write to their standard output and
// error, keeps it in files, and shows it again.
//
//	pipes ──▶ Capture (one goroutine) ──▶ <dir>/<project>/<service>.log{,.1,.2 …}
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
// the line. Where a service is watched by a command of its own, such as its
// health check, that command's lines begin with its label: "[health] ".
//
// When the next line would make a file larger than its policy allows, the file
// becomes .1, .1 becomes .2, and so on; the last one goes. Each file begins and
// ends with a whole line.
//
// A service must never wait for us or die of us for longer than a write takes.
// So lines that cannot be written, because the disk is full or the file is not
// ours to write, are counted and dropped; a line that says how many and why is
// written as soon as writing works again.
//
// # How much it costs
//
// Capture has one goroutine, one epoll instance and one set of buffers, however
// many services there are. It sleeps until a pipe has something, and turns what
// one read(2) brought into one write(2). A service has an open file only while
// one of its pipes is open and it has written something.
//
// # Reading
//
// Tail and Follow read the files and nothing else, so they need no Capture and
// see the same after a restart of the daemon. Tail ends at a Position from
// which Follow goes on, without losing or repeating a line in between, over
// rotation and truncation. A reader that is slower than rotation for so long
// that a file is deleted before its turn goes on with the oldest one left.
package logs
