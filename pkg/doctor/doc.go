// Package doctor compares what an instance believes with what is: the
// supervisor's own picture, the files of the three programs, and the kernel.
// It changes nothing.
//
// # Looks
//
// A look is taken in a fixed order: first the supervisor is asked, once, for all
// that it believes; then the files are read; then the kernel is asked. So what
// the kernel says is never older than what it is held against.
//
// While something is going on, such a look finds differences that are none: a
// process has ended and the supervisor is about to hear of it. So each
// difference is only a suspicion. It becomes a finding if it is there in every
// one of several looks, over about two seconds, and if nothing has happened to
// its service between them: neither its phase, nor since when, nor its
// incarnation has changed. Where the first look suspects nothing there is no
// second one.
//
// The rules are functions of a Look, which is only data.
package doctor
