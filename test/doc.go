// Package test holds the end-to-end tests: the three real programs, run as
// people run them.
//
//	scripts/*.txt       testscript files, each with its own instance of sysg
//	container_test.go   real systemd, booted in a container
//
// The first comment of each script says what it holds; a line "# modes:" says
// under which kinds of containment it runs:
//
//	cgroup    as the caller, in a subtree of the caller's cgroup
//	session   without cgroups: sessions and a walk over the process tree
//	user      as an unprivileged user
//
// A script fails if anything of its instance is alive once it has ended. Run
// them with `make e2e`, one alone with
//
//	go test -tags e2e ./test -run 'TestScripts/cgroup/lifecycle' -v
package test
