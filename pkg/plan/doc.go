// Package plan compares what is desired with what is and says what to do next.
//
// It is level-triggered: Next looks at the whole picture each time and returns
// the steps that are possible now. Nothing is remembered between two looks, so
// nothing can be forgotten: a dependency that is repaired an hour later
// releases what waits for it in the same way as one that starts at once.
//
// Order comes out of two rules, not out of a sorted list:
//
//   - a service is released when everything it depends on is satisfied;
//   - a service is ended when nothing that depends on it is still to be ended.
//
// Independent services therefore start and stop in parallel, and a stop that
// leaves dependants running (`stop -s`) does not wait for them.
//
// Everything here is a pure function of values, and the answers print.
package plan
