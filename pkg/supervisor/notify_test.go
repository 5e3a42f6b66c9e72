package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/probe"
	"systemg.org/sysg/pkg/spec"
)

func readyBy(ready generation.Ready) func(*generation.Service) {
	return func(s *generation.Service) {
		ready.Timeout = time.Minute
		s.Ready, s.Notify = ready, ready.By == generation.ByNotify
	}
}

func watched(period time.Duration) func(*generation.Service) {
	return func(s *generation.Service) { s.Watchdog, s.Notify = period, true }
}

// occupant is the run of a service, as the loop knows it.
func (s *story) occupant(name string) *run {
	s.Helper()
	got := make(chan *run, 1)
	s.inbox.post(func() { got <- s.projects["p"].services[name].run })
	if r := <-got; r != nil {
		return r
	}
	s.Fatalf("%s does not run", name)
	return nil
}

// sends is a message of a service, read by whoever reads its socket, and
// reports whether the message was taken.
func (s *story) sends(name, text string, files ...*os.File) (taken bool) {
	s.Helper()
	incarnation := s.occupant(name).incarnation
	heard := notification{Notification: probe.ParseNotification(text), files: files}
	heard.peeked = heard.Ready
	s.inbox.post(func() { s.notified(incarnation, heard, func() { taken = true }) })
	synctest.Wait()
	return taken
}

// going starts services and does not wait for them.
func (s *story) going() {
	go s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
	s.sleep(time.Second)
}

func TestReadyByNotify(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", readyBy(generation.Ready{By: generation.ByNotify})), plain("web", on("api", generation.Started)))
		s.going()
		s.sends("api", "STATUS=reading its journal")
		s.want("before", s.phases(), "api starting, web waiting")
		s.want("status text", s.unitOf("api").StatusText, "reading its journal")
		if !s.sends("api", "READY=1\nSTATUS=") {
			t.Error("the message was not taken")
		}
		s.sleep(time.Second)
		s.want("after", s.phases(), "api ready, web ready")
		s.want("status text", s.unitOf("api").StatusText, "")
		s.sends("api", "RELOADING=1\nMONOTONIC_USEC=1")
		s.want("sub state", s.unitOf("api").SubState, "reloading")
		s.sends("api", "READY=1")
		s.want("sub state", s.unitOf("api").SubState, "")
		s.sends("api", "STOPPING=1")
		s.want("sub state", s.unitOf("api").SubState, "stopping")
	})
}

func TestAReadyMessageStaysWhereItIsUntilItIsOnDisk(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", readyBy(generation.Ready{By: generation.ByNotify})))
		s.going()
		s.disk.mu.Lock()
		s.disk.off = true
		s.disk.mu.Unlock()
		if s.sends("api", "READY=1") {
			t.Error("the message was taken before anything was saved")
		}
		s.want("phases", s.phases(), "api ready")
		s.dies()
		s.supervise()
		s.want("a supervisor that knows nothing of it", s.phases(), "api starting")
		if !s.sends("api", "READY=1") {
			t.Error("the message was not taken")
		}
		s.want("phases", s.phases(), "api ready")
	})
}

func TestNotReadyInTimeNamesTheRule(t *testing.T) {
	for want, ready := range map[string]generation.Ready{
		"it did not send READY=1 (ready: notify)":                {By: generation.ByNotify},
		`it wrote no line that matches "listening" (ready: log)`: {By: generation.ByLog, Pattern: "listening"},
		"it wrote no line to descriptor 5 (ready: fd)":           {By: generation.ByFD, FD: 5},
		"its health check did not pass":                          {By: generation.ByHealth},
		"stable_for is 2m0s":                                     {By: generation.ByStable, StableFor: 2 * time.Minute},
	} {
		tell(t, func(s *story) {
			s.helper.probes = func(string) int { return 1 }
			s.store.put(plain("api", policy(generation.Never), func(v *generation.Service) {
				v.Health = &generation.Probe{Interval: time.Second, AttemptTimeout: time.Second, Retries: 1000}
			}, readyBy(ready)))
			begun := time.Now()
			result := s.begin()
			if result.OK || result.Failed[0].Code != api.CodeStartTimeout || time.Since(begun) != time.Minute ||
				result.Failed[0].Title != "Service 'api' is not up: it was not ready within 1m0s (start_timeout): "+want {
				t.Errorf("%s: %+v after %s", want, result, time.Since(begun))
			}
		})
	}
}

func TestAServiceMayAskForMoreTime(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.deaf["api"] = true
		s.store.put(plain("api", readyBy(generation.Ready{By: generation.ByNotify})))
		s.going()
		s.sleep(30 * time.Second)
		s.sends("api", "EXTEND_TIMEOUT_USEC=60000000")
		s.sleep(50 * time.Second)
		s.want("beyond its start_timeout", s.phases(), "api starting")
		s.sends("api", "EXTEND_TIMEOUT_USEC=1")
		s.sends("api", "READY=1")
		s.want("less than it has is nothing", s.phases(), "api ready")
		begun := time.Now()
		go s.Stop(s.life, api.Caller{}, api.Stop{Project: "p"}, quiet)
		s.sleep(5 * time.Second)
		s.sends("api", "EXTEND_TIMEOUT_USEC=25000000")
		s.sleep(20 * time.Second)
		s.want("beyond its stop.timeout", s.phases(), "api stopping")
		s.sleep(10 * time.Second)
		s.want("killed in the end", s.phases(), "api down")
		_ = begun
	})
}

func TestTheWatchdogBites(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", watched(10*time.Second), policy(generation.Never)))
		s.begin()
		for range 5 {
			s.sleep(9 * time.Second)
			s.sends("api", "WATCHDOG=1")
		}
		s.want("fed", s.phases(), "api ready")
		s.sends("api", "WATCHDOG_USEC=30000000")
		s.sleep(25 * time.Second)
		s.want("with a longer period", s.phases(), "api ready")
		s.sleep(6 * time.Second)
		unit := s.unitOf("api")
		s.want("bitten", unit.Phase+": "+unit.Cause, "failed: it sent no WATCHDOG=1 for 30s (watchdog)")
		result := s.begin("api")
		s.want("anew", result.Message, "Service 'api' started")
		s.sends("api", "WATCHDOG=trigger")
		s.want("triggered", s.unitOf("api").Cause, "it reported a failure (WATCHDOG=trigger)")
	})
}

func TestTheWatchdogHasItsCode(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", watched(time.Second), policy(generation.Never)), plain("web", on("api", generation.Started), readyBy(generation.Ready{By: generation.ByNotify})))
		result := s.begin()
		if result.OK || result.Failed[0].Code != api.CodeWatchdog {
			t.Errorf("%+v", result)
		}
	})
}

func TestANewMainProcessIsAskedForAndShown(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", readyBy(generation.Ready{By: generation.ByNotify})))
		s.going()
		s.helper.took()
		s.sends("api", "MAINPID=4711\nREADY=1")
		s.want("asked", s.helper.took(), "main 4711")
		if pid := s.unitOf("api").Process.PID; pid != 4711 {
			t.Errorf("it has pid %d", pid)
		}
		s.inbox.post(func() {
			r := s.projects["p"].services["api"].run
			r.nextPID = 5000
			s.tookMain(r.incarnation, &spec.Refused{Reason: spec.ReasonUnknown, Detail: "no such process"})
		})
		unit := s.unitOf("api")
		s.want("refused", strings.Join(unit.Notes, ""), "its MAINPID=5000 was refused: no such process")
		if unit.Process.PID != 4711 {
			t.Errorf("it has pid %d", unit.Process.PID)
		}
	})
}

func TestDescriptorsAreStoredAndDropped(t *testing.T) {
	tell(t, func(s *story) {
		open := func() *os.File {
			file, err := os.Open("/dev/null")
			if err != nil {
				t.Fatal(err)
			}
			return file
		}
		s.store.put(plain("api", watched(time.Hour)))
		s.begin()
		s.helper.took()
		s.sends("api", "FDSTORE=1\nFDNAME=journal", open(), open())
		s.sends("api", "FDSTORE=1", open())
		s.sends("api", "FDSTORE=1")
		s.sends("api", "FDSTOREREMOVE=1\nFDNAME=journal")
		s.sends("api", "FDSTOREREMOVE=1")
		s.want("asked", s.helper.took(), "keep journal 2, keep stored 1, drop journal")
		barrier := open()
		s.sends("api", "BARRIER=1", barrier)
		if _, err := barrier.Stat(); err == nil {
			t.Error("the barrier is open still")
		}
	})
}

func TestReadyByALineOfOutput(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", readyBy(generation.Ready{By: generation.ByLog, Pattern: `^listening on \d+$`})))
		s.going()
		s.want("before", s.phases(), "api starting")
		watch := s.awaitLine(s.occupant("api"))
		if watch.Match([]byte("not listening on 80")) || !watch.Match([]byte("listening on 80")) {
			t.Error("the pattern is not that of the manifest")
		}
		watch.Found(nil)
		s.want("after", s.phases(), "api ready")
	})
}

func TestReadyByADescriptor(t *testing.T) {
	for what, said := range map[string]bool{"written": true, "closed": false} {
		tell(t, func(s *story) {
			s.store.put(plain("api", policy(generation.Never), readyBy(generation.Ready{By: generation.ByFD, FD: 3})))
			s.going()
			incarnation := s.occupant("api").incarnation
			s.inbox.post(func() { s.wroteReady(incarnation, said) })
			unit := s.unitOf("api")
			want := "ready: it wrote to its ready descriptor"
			if !said {
				want = "failed: it closed its ready descriptor before it wrote a line to it"
			}
			s.want(what, unit.Phase+": "+unit.Cause, want)
		})
	}
}

// TestNotificationsOfARealSocket: the whole way from a socket to the loop, with
// no bubble around it.
func TestNotificationsOfARealSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1); err != nil {
		t.Fatal(err)
	}
	s := New(Config{})
	defer s.die()
	v := &service{project: &project{}, state: machine.Starting, config: plain("api")}
	r := &run{service: v, role: spec.RoleMain, incarnation: "i"}
	v.run, s.runs["i"] = r, r
	v.project.unsavable = true // Nothing is waited for.
	s.hearNotify(r, os.NewFile(uintptr(fd), "notify"))
	sender, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(sender)
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	say := func(text string, control []byte) {
		if err := syscall.Sendmsg(sender, []byte(text), control, &syscall.SockaddrUnix{Name: path}, 0); err != nil {
			t.Fatal(err)
		}
	}
	hears := func(want string) {
		for r.status != want {
			<-s.inbox.ready
			s.inbox.run()
		}
	}
	say("STATUS=one", nil)
	hears("one")
	say("STATUS="+strings.Repeat("x", probe.MaxNotification), nil) // too long to be one
	say("READY=1\nSTATUS=two", nil)
	hears("two")
	say("BARRIER=1\nSTATUS=three", syscall.UnixRights(int(null.Fd())))
	hears("three")
	r.close()
}

func TestASenderOfAnotherCgroupIsNotHeard(t *testing.T) {
	if belongs(os.Getpid(), "/user.slice/run-0123", true) {
		t.Error("this process is in no such leaf")
	}
	for _, benefit := range []bool{true, false} {
		if belongs(os.Getpid(), "", benefit) != benefit || belongs(1<<30, "/run-0123", benefit) != benefit || belongs(0, "/run-0123", benefit) != benefit {
			t.Errorf("where nothing can be told, and is to be taken for %t, it is not", benefit)
		}
	}
}

// Where services are several users', two may share one, so a sender must be seen.
func TestAnUnseenSenderIsBelievedByAUsersInstanceOnly(t *testing.T) {
	for _, system := range []bool{true, false} {
		if got := (&Supervisor{system: system}).believes(1<<30, "/run-0123"); got == system {
			t.Errorf("in the system's instance (%t) it is believed: %t", system, got)
		}
	}
}
