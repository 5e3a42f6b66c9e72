// Package grant answers one question: may this caller ask sysg-exec for this?
//
// A caller is known by its uid, which the kernel vouches for. A launch is
// granted if the owner has installed it: the project, the generation with just
// that content, the service in it and the role. What is launched is taken from
// the installed generation and from nowhere else; the request only names it.
// The few values that vary at run time are checked against the generation
// (vars.go), and so are the limits of what a service asks for by itself
// (spawn.go).
//
// It decides and does nothing; the Store behind it is an interface, so that
// every refusal is tested without a disk or a process.
package grant
