// Package machine is the life of one service as a table.
//
// Words. A service is in one State. Something happens to it: an Event. The
// table says for every pair of the two which state follows and which Effects
// have to be carried out; there is no empty cell, so there is no event that
// nobody thought about. Next is that look-up and nothing else: no clock, no
// process, no memory.
//
//	           start        release    prepared     launched      ready
//	  down ────────▶ waiting ────▶ preparing ──▶ launching ──▶ starting ──▶ ready
//	   ▲                ▲                                          │          │ exited,
//	   │ stop           │ due                                      └────┬─────┘ condemn
//	stopping        backing_off ◀── retry ── ending ◀───────────────────┘
//	restarting ──▶ waiting                     ├── finish ──▶ done
//	                                           ├── fail ────▶ failed
//	                                           └── give_up ─▶ given_up ── due ──▶ waiting
//
// Rules that the table keeps, and the tests walk at random:
//
//   - A process exists only in the states for which Alive is true; a launch is
//     only asked for on the way into one of them. So two incarnations of a
//     service cannot live at once: the second is asked for from a state that is
//     reached only when nothing of the first is left.
//   - The main process's end (exited) and the end of everything it left behind
//     are two events. The second carries the Verdict, which Judge decides from
//     how it ended and what the policy says.
//   - A state's timers belong to that state. Entering another one ends them,
//     so no timer can arrive late.
//
// Guards ("if it has a pre_start command …") do not exist: who carries out an
// effect that has nothing to do answers with the event that says it is done.
//
// Every transition carries a Cause, which is how `sysg why` can tell the story
// backwards. It cannot be added later, so nothing here works without one.
package machine
