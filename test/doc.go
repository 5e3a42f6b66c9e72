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
//	system    the system's instance, in a container with systemd, which starts the
//	          daemons by the units of systemd/system (pool_test.go, system_test.go);
//	          half of the scripts on systemd 252, half on 257
//
// Each script of the mode cgroup runs in the mode system as well, unless a line
// "# not in system:" says why not; the condition [systemd] holds there.
//
// A script fails if anything of its instance is alive once it has ended. Run
// them with `make e2e`, one alone with
//
//	go test -tags e2e ./test -run 'TestScripts/cgroup/lifecycle' -v
package test
