package supervisor

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

var update = flag.Bool("update", false, "write the golden files")

// whyStories are one for each kind of cause: what comes about, and for which
// service it is asked why.
var whyStories = []struct {
	name, service string
	play          func(s *story)
}{
	{"it is ready", "api", func(s *story) {
		s.store.put(plain("api"))
		s.begin()
	}},
	{"somebody stopped it", "api", func(s *story) {
		s.store.put(plain("api"))
		s.begin()
		s.halt()
	}},
	{"it exited, and is tried again", "api", func(s *story) {
		s.store.put(plain("api"))
		s.begin()
		s.helper.crash("api", code3)
	}},
	{"a signal ended it, and its policy leaves it", "api", func(s *story) {
		s.store.put(plain("api", policy(generation.Never)))
		s.begin()
		s.helper.crash("api", 9)
	}},
	{"it took more memory than it may", "api", func(s *story) {
		s.helper.oom = &spec.OOM{Kills: 1, Limit: 48 << 20}
		s.store.put(plain("api", policy(generation.Never)))
		s.begin()
		s.helper.crash("api", 9)
	}},
	{"one of its processes was killed for memory", "api", func(s *story) {
		s.helper.oom = &spec.OOM{Kills: 2}
		s.store.put(plain("api", policy(generation.Never)))
		s.begin()
		s.helper.crash("api", code3)
	}},
	{"it failed too often", "api", func(s *story) {
		s.store.put(plain("api", func(v *generation.Service) { v.Restart.MaxRestarts, v.Restart.Backoff = 1, 0 }))
		s.begin()
		s.helper.crash("api", code3)
		s.sleep(time.Second)
		s.helper.crash("api", code3)
	}},
	{"it is a one-shot that is done", "api", func(s *story) {
		s.store.put(plain("api", policy(generation.Never)))
		s.begin()
		s.helper.crash("api", 0)
	}},
	{"it could not be launched", "api", func(s *story) {
		s.helper.broken["api"] = spec.Failed{Stage: spec.StageExec, Errno: int(syscall.ENOENT), Detail: "no such program"}
		s.store.put(plain("api", policy(generation.Never)))
		s.begin()
	}},
	{"its pre_start failed", "api", func(s *story) {
		s.helper.probes = func(string) int { return 7 }
		s.store.put(plain("api", policy(generation.Never), func(v *generation.Service) { v.PreStart = &generation.PreStart{Timeout: time.Minute} }))
		s.begin()
	}},
	{"its health check failed", "api", func(s *story) {
		s.helper.probes = func(string) int { return 7 }
		s.store.put(plain("api", policy(generation.Never), checked(generation.Probe{Interval: time.Second, AttemptTimeout: time.Second, Retries: 2})))
		s.begin()
	}},
	{"it was not ready in time", "api", func(s *story) {
		s.store.put(plain("api", policy(generation.Never), readyBy(generation.Ready{By: generation.ByNotify})))
		s.begin()
	}},
	{"its watchdog bit", "api", func(s *story) {
		s.store.put(plain("api", policy(generation.Never), watched(10*time.Second)))
		s.begin()
		s.sleep(11 * time.Second)
	}},
	{"its liveness check failed", "api", func(s *story) {
		var code atomic.Int32
		s.helper.probes = func(string) int { return int(code.Load()) }
		s.store.put(plain("api", policy(generation.Never), live(generation.Probe{Interval: time.Second, AttemptTimeout: time.Second, Retries: 2})))
		s.begin()
		code.Store(1)
		s.sleep(5 * time.Second)
	}},
	{"a chain of dependencies, to its root", "web", func(s *story) {
		s.store.put(plain("db", policy(generation.Never)), plain("api", on("db", generation.Started)), plain("web", on("api", generation.Started)))
		s.begin()
		s.helper.crash("db", code3)
	}},
	{"it waits for one that nobody wants", "api", func(s *story) {
		s.store.put(plain("db"), plain("api", on("db", generation.Started)))
		s.begin()
		s.halt("db")
		s.helper.crash("api", 9)
		s.sleep(time.Minute)
	}},
	{"it is skipped by its manifest", "api", func(s *story) {
		s.store.put(plain("api", skips(generation.SkipAlways)))
		s.begin()
	}},
	{"it is skipped by its command", "api", func(s *story) {
		s.store.put(plain("api", skips(generation.SkipByCommand)))
		s.begin()
	}},
	{"it depends on one that is skipped", "api", func(s *story) {
		s.store.put(plain("db", skips(generation.SkipAlways)), plain("api", on("db", generation.Started)))
		s.begin()
	}},
	{"it waits for its schedule", "job", func(s *story) {
		s.store.put(job("job", "0 3 * * *"))
		s.begin()
	}},
	{"its last scheduled run failed", "job", func(s *story) {
		s.store.put(job("job", "* * * * *"))
		s.begin()
		s.sleep(61 * time.Second)
		s.helper.crash("job", code3)
	}},
	{"it listens", "", func(s *story) {
		s.helper.sockets = map[string][]string{"api": {"http"}}
		s.store.put(plain("api", func(v *generation.Service) {
			v.Lazy, v.Sockets = true, []generation.Socket{{Name: "http", Kind: generation.SocketTCP, Address: "127.0.0.1:80"}}
		}))
		s.begin()
	}},
	{"a hook of it failed", "api", func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleOnStart: 3}
		s.store.put(plain("api", hooked))
		s.begin()
		s.sleep(time.Second)
	}},
	{"its replacement failed", "web", func(s *story) {
		s.helper.rolling = true
		s.store.put(plain("web", rolls(10*time.Second)))
		s.begin()
		s.store.put(plain("web", rolls(10*time.Second), as("2")))
		s.after(100*time.Millisecond, func() { s.helper.exit(s.second("web"), code3) })
		s.restarts()
	}},
	{"it was found after a restart of the supervisor", "api", func(s *story) {
		s.store.put(plain("api"))
		s.begin()
		s.sleep(time.Minute)
		s.dies()
		s.helper.crash("api", 11)
		s.supervise()
	}},
}

func TestWhyForEachKindOfCause(t *testing.T) {
	var text strings.Builder
	for _, test := range whyStories {
		if test.service == "" {
			continue
		}
		tell(t, func(s *story) {
			test.play(s)
			synctest.Wait()
			links, err := s.Why(context.Background(), api.Caller{}, api.Why{Project: "p", Service: test.service})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "== %s\n", test.name)
			for depth, link := range links {
				fmt.Fprint(&text, plainLink(depth, link))
			}
			if len(links) == 0 || links[0].Cause == "" {
				t.Errorf("%s: no cause", test.name)
			}
		})
	}
	golden := "testdata/why.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != text.String() {
		t.Errorf("not as in %s (-update writes it):\n%s", golden, text.String())
	}
}

// stamps are what differs with the zone of the machine, or by chance.
var (
	stamps = regexp.MustCompile(`\d\d:\d\d:\d\d\.\d{3} `)
	chance = regexp.MustCompile(`(next try in|again in) [0-9.]+m?s`)
)

// plainLink is a link without times.
func plainLink(depth int, link api.Link) string {
	var b strings.Builder
	say := func(kind, words string) {
		words = chance.ReplaceAllString(stamps.ReplaceAllString(words, ""), "$1 N")
		fmt.Fprintf(&b, "%s%s %s\n", strings.Repeat("    ", depth), kind, words)
	}
	say("-", fmt.Sprintf("%s is %s: %s [%s]", link.Service, link.Phase, link.Cause, link.Code))
	for _, line := range link.Evidence {
		say(" |", line)
	}
	for _, help := range link.Help {
		say(" ?", help.Label+": "+help.Command)
	}
	return b.String()
}
