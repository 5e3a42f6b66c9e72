// Command sysg is how people and scripts use systemg: it reads a manifest,
// compiles it, has it installed, and asks the supervisor for what is wanted.
//
//	sysg VERB [flags]
//
// Each verb has a file of its own. A verb declares its flags and returns what
// it does with them (verb.go); what it prints follows the rules at the top of
// tui.go. It ends with nil, or with an error that says what to print and which
// code to exit with (outcome.go).
//
// sysg talks to two daemons of the same user. sysg-exec gets the compiled
// manifest, sysgd everything else (instance.go). Where systemd has their
// sockets, connecting starts them. Where not, sysg start binds the sockets and
// hands them over in the same way (raise.go); there is no other difference.
package main
