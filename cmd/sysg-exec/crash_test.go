package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// bearers are the live processes that were started for an incarnation.
func bearers(t *testing.T, incarnation string) (pids []int) {
	t.Helper()
	all, err := sys.Processes()
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range all {
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && bytes.Contains(environ, []byte(markName+incarnation)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// However often the helper dies, and in whatever moment: what its supervisor
// launches again lives once.
func TestNothingLivesTwiceHoweverTheHelperDies(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		in := i.dial().install(program("s", "/bin/sleep", "600"), stagedService("staged", "exec sleep 600"))
		seed := uint64(time.Now().UnixNano())
		random := rand.New(rand.NewPCG(seed, 0))
		for round := range 12 {
			c := i.dial()
			var wanted []spec.Launch
			for n := range 6 {
				wanted = append(wanted, request(in, []string{"s", "staged"}[n%2]))
				c.ask(spec.Request{Launch: &wanted[n]})
			}
			time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
			c.close()
			i.kill9()
			i.start()

			c = i.dial()
			known := c.list()
			for _, l := range wanted {
				if _, found := known[l.Incarnation]; found {
					continue
				}
				c.ask(spec.Request{Launch: &l})
				if p := c.answer(); p.Launched == nil {
					t.Fatalf("seed %d, round %d: launched again, it was answered by %+v %+v", seed, round, p.Failed, p.Refused)
				}
			}
			for _, l := range wanted {
				pids := bearers(t, l.Incarnation)
				for begin := time.Now(); len(pids) == 0 && time.Since(begin) < patience; {
					// The execve that frees its parent has yet to put the environment there.
					pids = bearers(t, l.Incarnation)
				}
				if len(pids) != 1 {
					t.Errorf("seed %d, round %d: incarnation %s lives as %v", seed, round, l.Incarnation, pids)
				}
				c.done(spec.Request{Kill: &spec.Kill{Incarnation: l.Incarnation}})
				c.over(l.Incarnation)
				if pids := bearers(t, l.Incarnation); len(pids) != 0 {
					t.Errorf("seed %d, round %d: incarnation %s is over, and lives as %v", seed, round, l.Incarnation, pids)
				}
				c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{l.Incarnation}}})
			}
			c.close()
		}
	})
}
