// Command bench measures the three programs against a floor written in C, in
// the same run and on the same machine, and prints a table of medians.
//
//	crash      SIGKILL of a service, to the first instruction of its replacement
//	launch     the call that starts one service, to its first instruction
//	confined   the request for a service of the system's instance, to the helper's
//	           answer that it runs as it was to be (as root)
//	start 100  the command that starts a hundred, to the last first instruction
//	rest       how often our daemons wake up, and what they use, with nothing to do
//	reconcile  one of 500 services changed: `sysg restart`, to its first instruction
//	status     the state of 500 services while all of them are restarted
//	validate   `sysg validate` of a manifest of 10,000 services
//	chain      ten services, each after the probe of the one before, to ready
//
// With -check its exit status is 1 where a limit is broken. The services are
// c/stamp.c, the floor c/floor.c; both are compiled on the spot.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

// settings are what a run can be told.
type settings struct {
	bin    string
	rounds int
	starts int
	window time.Duration
	check  bool
	only   string
}

func main() {
	var s settings
	flag.StringVar(&s.bin, "bin", "bin", "`folder` of sysg, sysgd and sysg-exec")
	flag.IntVar(&s.rounds, "rounds", 40, "crashes and launches measured")
	flag.IntVar(&s.starts, "starts", 11, "starts of a hundred services measured")
	flag.DurationVar(&s.window, "window", 20*time.Second, "how long the daemons are watched at rest")
	flag.StringVar(&s.only, "only", "", "measure only `this`")
	flag.BoolVar(&s.check, "check", false, "exit with 1 where a limit is broken")
	flag.Parse()
	broken, err := run(s)
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
	if broken > 0 && s.check {
		os.Exit(1)
	}
}

// run measures everything and returns how many limits are broken.
func run(s settings) (broken int, err error) {
	b, err := newBench(s)
	if err != nil {
		return 0, err
	}
	defer b.close()
	var rows []row
	for _, m := range []struct {
		name    string
		measure func() ([]row, error)
	}{
		{"crash", b.crash}, {"launch", b.launch}, {"confined", b.confined}, {"start", b.startHundred}, {"reconcile", b.reconcile}, {"status", b.statusOfMany},
		{"validate", b.validate}, {"chain", b.chain}, {"rest", b.rest},
	} {
		if s.only != "" && s.only != m.name {
			continue
		}
		more, err := m.measure()
		if err != nil {
			return 0, fmt.Errorf("%s: %w", m.name, err)
		}
		rows = append(rows, more...)
	}
	return printTable(os.Stdout, rows), nil
}
