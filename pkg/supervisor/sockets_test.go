package supervisor

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// listens gives a service a socket; lazy has it wait for a client.
func listens(s *generation.Service) {
	s.Sockets = []generation.Socket{{Name: "http", Kind: generation.SocketTCP, Address: "127.0.0.1:80"}}
}

func lazy(s *generation.Service) {
	listens(s)
	s.Lazy = true
}

// copiesOf counts the copies that the supervisor keeps of a service's sockets.
func (s *story) copiesOf(service string) int {
	count := make(chan int)
	s.inbox.post(func() { count <- len(s.projects["p"].services[service].sockets) })
	defer synctest.Wait() // The supervisor is back at what it listens to.
	return <-count
}

func TestSocketsAreMadeBeforeTheServiceAndOutliveIt(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.sockets = map[string][]string{"web": {"http"}}
		s.store.put(plain("web", listens))
		s.begin()
		s.want("asked", s.helper.took(), "listen web, launch web main")
		s.helper.crash("web", code3)
		s.sleep(10 * time.Second)
		s.want("after a crash", s.helper.took(), "launch web main")
		if s.copiesOf("web") != 1 {
			t.Error("no copy is kept")
		}
		s.breaks(func() {})
		s.want("a new sysg-exec is given the copy", s.helper.took(), "listen web with 1")
		s.stops()()
		s.want("a stop closes them", s.helper.took(), "signal web 15, unlisten web")
		if s.copiesOf("web") != 0 {
			t.Error("a copy is left")
		}
	})
}

// commands counts those that somebody waits for.
func (s *story) commands() int {
	count := make(chan int)
	s.inbox.post(func() { count <- len(s.ops) })
	defer synctest.Wait()
	return <-count
}

func TestAStopIsOverWhenNobodyCanConnectAnyMore(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.sockets = map[string][]string{"web": {"http"}}
		s.store.put(plain("web", listens))
		s.begin()
		s.helper.slow = true
		stopped := s.stops()
		s.sleep(time.Second)
		if s.commands() != 1 {
			t.Error("answered while the sockets may be open")
		}
		s.helper.unlistened("web")
		stopped()
		// The answer that a sysg-exec owed when it died is not waited for.
		s.begin()
		stopped = s.stops()
		s.sleep(time.Second)
		s.helper.slow = false
		s.breaks(func() {})
		stopped()
	})
}

func TestSocketsOfWhatIsRemovedAreClosed(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.sockets = map[string][]string{"web": {"http"}}
		s.store.put(plain("web", listens), plain("db"))
		s.begin()
		s.helper.took()
		s.store.put(plain("db"))
		s.restarts()
		s.want("asked", s.helper.took(), "signal web 15, unlisten web, unlisten web")
	})
}

func TestACopyOfASocketThatIsDeclaredInAnotherWayIsNotHandedBack(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.sockets = map[string][]string{"web": {"http"}}
		s.store.put(plain("web", listens))
		s.begin()
		s.helper.took()
		s.store.put(plain("web", listens, as("2"), func(s *generation.Service) { s.Sockets[0].Address = "127.0.0.1:81" }))
		s.restarts()
		s.want("asked", s.helper.took(), "signal web 15, listen web, launch web main")
	})
}

func TestALazyServiceStartsWhenSomebodyConnects(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.sockets = map[string][]string{"web": {"http"}}
		s.store.put(plain("web", lazy), plain("api", on("web", generation.Started)))
		if result := s.begin(); !result.OK {
			t.Error(result)
		}
		s.want("asked", s.helper.took(), "listen web watch, launch api main")
		s.want("phases", s.phases(), "api ready, web listening")
		s.helper.wants("web")
		s.sleep(time.Second)
		s.want("somebody came", s.helper.took(), "launch web main")
		s.want("phases", s.phases(), "api ready, web ready")
		s.helper.crash("web", 0)
		s.sleep(time.Second)
		s.want("it ended", s.helper.took(), "listen web watch")
		s.want("phases", s.phases(), "api ready, web listening")

		// A new supervisor, and a new sysg-exec, go on listening.
		s.dies()
		s.supervise()
		s.want("after a death", s.helper.took(), "listen web watch")
		s.breaks(func() {})
		s.want("after another", s.helper.took(), "listen web watch with 1")
		s.helper.wants("web")
		s.sleep(time.Second)
		s.want("phases", s.phases(), "api ready, web ready")
		s.stops("web")()
		s.want("phases", s.phases(), "api ready, web down")
	})
}

func TestASocketThatCannotBeMadeFailsALazyService(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.unheard = map[string]spec.Refused{"web": {Reason: spec.ReasonInternal, Detail: "bind: address already in use"}}
		s.store.put(plain("web", lazy, policy(generation.Never)))
		result := s.begin()
		if result.OK || result.Failed[0].Code != api.CodePortInUse {
			t.Error(result)
		}
		s.want("phases", s.phases(), "web failed")
		s.helper.unheard = nil
		if result := s.begin(); !result.OK {
			t.Error(result)
		}
		s.want("phases", s.phases(), "web listening")
	})
}

// TestAClientThatComesWhileTheOldOneEndsIsServed: a lazy service that was
// replaced has ended by itself, and its predecessor is still there.
func TestAClientThatComesWhileTheOldOneEndsIsServed(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.rolling = true
		s.store.put(plain("web", lazy, rolls(0)))
		s.begin()
		s.helper.wants("web")
		s.sleep(time.Second)
		s.helper.deaf["web"] = true
		s.begins()
		s.sleep(time.Second)
		s.helper.exit(s.occupant("web").incarnation, 0)
		synctest.Wait()
		s.want("phases", s.phases(), "web listening")
		s.helper.wants("web")
		s.sleep(time.Second)
		s.want("while the old one is there", s.phases(), "web listening")
		s.sleep(time.Minute)
		s.want("after it", s.phases(), "web ready")
	})
}

func TestWhatSystemdGaveUsGoesToTheServiceThatDeclaresIt(t *testing.T) {
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	v := &service{config: generation.Service{Sockets: []generation.Socket{
		{Name: "a", Kind: generation.SocketInherit, Address: "mine"},
		{Name: "b", Kind: generation.SocketInherit, Address: "missing"},
		{Name: "c", Kind: generation.SocketTCP, Address: "mine"},
	}}}
	names, files := v.copies(map[string]*os.File{"mine": null, "other": null}, false)
	defer discard(files)
	if len(names) != 1 || names[0] != "a" || len(files) != 1 {
		t.Errorf("%q with %d files", names, len(files))
	}
}
