// Package generation defines the compiled form of a manifest: what is
// installed, stored, and trusted from then on.
//
// A generation has two parts, one for each daemon:
//
//	Supervise   when to run what: dependencies, restarts, readiness, logs.
//	            Read by sysgd; holds no secret.
//	Launch      what to run and how: argv, environment, directory, limits.
//	            Read by sysg-exec only; stored 0600, since it holds secrets.
//
// Its identity is the hash of its content; its number is a counter per project
// that sysg-exec gives it when it is installed. Whoever refers to a generation
// carries both, and sysg-exec checks the pair, so a message can never be
// applied to another content than the one it was meant for.
//
// Every value here is final: names are resolved, durations counted, defaults
// filled in. Nothing is looked up or expanded after this point.
package generation
