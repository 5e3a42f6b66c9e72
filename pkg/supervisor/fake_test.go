package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// The stories run in a synctest bubble: time is the bubble's, so a story of
// half an hour takes no time, and synctest.Wait is "when nothing moves any more".

// helper is a sysg-exec without processes. It keeps what the real one keeps,
// and fails the test where it is asked for two main incarnations of a service.
type helper struct {
	t      *testing.T
	mu     sync.Mutex
	live   map[string]*spec.Record // until acknowledged
	events chan execclient.Event
	asked  []string // what was asked of it, in words
	broken map[string]spec.Failed
	deaf   map[string]bool // services that ignore the stop signal
	probes func(service string) int
	// acts is how a command of a role ends, for stories that tell roles apart:
	// with an exit code, or not by itself where it is negative.
	acts    map[spec.Role]int
	told    []string        // the events that hooks were told of
	lingers map[string]bool // services of which something outlives the main process
	oldest  int             // generation that may be launched
	pid     int
	// loses says which launches are lost on their way.
	loses   func(spec.Launch) bool
	rolling bool // the story has replacements, so two incarnations are none too many
	// sockets are the names that Listen answers with, unheard the services
	// whose Listen is refused.
	sockets map[string][]string
	unheard map[string]spec.Refused
	// slow: an Unlisten is not answered by itself.
	slow    bool
	oom     *spec.OOM // what the next exits tell was killed for memory
	missing []string  // what is launched lacks these keys of best_effort
}

func newHelper(t *testing.T) *helper {
	return &helper{
		t: t, live: map[string]*spec.Record{}, events: make(chan execclient.Event, 1000),
		broken: map[string]spec.Failed{}, deaf: map[string]bool{}, lingers: map[string]bool{}, probes: func(string) int { return 0 }, pid: 100,
	}
}

func (h *helper) say(reply spec.Reply, request execclient.Request, incarnation string) {
	h.events <- execclient.Event{Reply: reply, Request: request, Incarnation: incarnation}
}

func (h *helper) Launch(l spec.Launch) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	words := fmt.Sprintf("launch %s %s", l.Service, l.Role)
	if l.Slot != nil {
		words += fmt.Sprintf(" in slot %d", *l.Slot)
	}
	h.asked = append(h.asked, words)
	if h.loses != nil && h.loses(l) { // The request never reaches it.
		return nil
	}
	if failed, broken := h.broken[l.Service]; broken {
		failed.Incarnation = l.Incarnation
		h.say(spec.Reply{Failed: &failed}, execclient.RequestLaunch, l.Incarnation)
		return nil
	}
	if l.Generation < h.oldest {
		h.say(spec.Reply{Refused: &spec.Refused{Reason: spec.ReasonUnknown, Detail: "too old"}}, execclient.RequestLaunch, l.Incarnation)
		return nil
	}
	second := 0
	for _, record := range h.live {
		if record.Launch.Service == l.Service && record.Launch.Role == spec.RoleMain && l.Role == spec.RoleMain && !record.Emptied {
			second++
		}
	}
	if second > 0 && !(h.rolling && second == 1) {
		h.t.Errorf("%d incarnations of %s", second+1, l.Service)
	}
	h.pid++
	h.live[l.Incarnation] = &spec.Record{Launch: l, PID: h.pid, Started: time.Now()}
	h.live[l.Incarnation].Missing = h.missing
	h.say(spec.Reply{Launched: &spec.Launched{Incarnation: l.Incarnation, PID: h.pid, Missing: h.missing}}, execclient.RequestLaunch, l.Incarnation)
	if l.Event != nil {
		h.told = append(h.told, inWords(l))
	}
	switch code, acts := h.acts[l.Role]; {
	case acts && code >= 0:
		go h.exit(l.Incarnation, uint32(code)<<8)
	case acts:
	case l.Role != spec.RoleMain:
		go h.exit(l.Incarnation, uint32(h.probes(l.Service))<<8)
	}
	return nil
}

// exit ends an incarnation with a raw wait status, and leaves nothing behind.
func (h *helper) exit(incarnation string, status uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	record := h.live[incarnation]
	if record == nil || record.Exited != nil {
		return
	}
	record.Emptied = !h.lingers[record.Launch.Service]
	record.Exited = &spec.Exited{Incarnation: incarnation, Status: status, At: time.Now(), Emptied: record.Emptied, OOM: h.oom}
	h.say(spec.Reply{Exited: record.Exited}, "", "")
}

// leaves has something of a service outlive its main process from now on.
func (h *helper) leaves(service string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lingers[service] = true
}

// lets ends what lingers of a service; nobody is told.
func (h *helper) lets(service string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lingers[service] = false
	for _, record := range h.live {
		record.Emptied = record.Emptied || record.Launch.Service == service && record.Exited != nil
	}
}

// crash ends the main process of a service.
func (h *helper) crash(service string, status uint32) {
	h.t.Helper()
	h.mu.Lock()
	incarnation := ""
	for _, record := range h.live {
		if record.Launch.Service == service && record.Launch.Role == spec.RoleMain && record.Exited == nil {
			incarnation = record.Launch.Incarnation
		}
	}
	h.mu.Unlock()
	if incarnation == "" {
		h.t.Fatalf("%s does not run", service)
	}
	h.exit(incarnation, status)
}

func (h *helper) Signal(signal spec.Signal) error {
	h.mu.Lock()
	record := h.live[signal.Incarnation]
	deaf := record == nil || h.deaf[record.Launch.Service]
	if record != nil {
		h.asked = append(h.asked, fmt.Sprintf("signal %s %d", record.Launch.Service, signal.Signal))
	}
	h.mu.Unlock()
	if !deaf {
		h.exit(signal.Incarnation, uint32(signal.Signal))
	}
	return nil
}

func (h *helper) Kill(kill spec.Kill) error {
	h.mu.Lock()
	if record := h.live[kill.Incarnation]; record != nil {
		h.asked = append(h.asked, "kill "+record.Launch.Service)
	}
	h.mu.Unlock()
	h.exit(kill.Incarnation, 9)
	return nil
}

func (h *helper) Ack(ack spec.Ack) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, incarnation := range ack.Incarnations {
		if record := h.live[incarnation]; record != nil && !record.Emptied {
			h.t.Errorf("%s is acknowledged while it lives", record.Launch.Service)
		}
		delete(h.live, incarnation)
	}
	return nil
}

func (h *helper) List() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, record := range h.live {
		copied := *record
		h.say(spec.Reply{Listed: &spec.Listed{Record: &copied}}, execclient.RequestList, record.Launch.Incarnation)
	}
	h.say(spec.Reply{Listed: &spec.Listed{Last: true}}, execclient.RequestList, "")
	return nil
}

func (h *helper) Quit() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	reply := spec.Reply{Done: &spec.Done{}}
	for _, record := range h.live {
		if !record.Emptied {
			reply = spec.Reply{Refused: &spec.Refused{Reason: spec.ReasonBusy, Detail: record.Launch.Service + " lives"}}
		}
	}
	h.say(reply, execclient.RequestQuit, "")
	return nil
}

func (h *helper) Close() error { return nil }

func (h *helper) Events() <-chan execclient.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.events
}

// reconnected is the helper as a new connection sees it: what nobody read from
// the old one is lost, what it remembers is not.
func (h *helper) reconnected() *helper {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = make(chan execclient.Event, 1000)
	return h
}

// took returns what was asked since the last call, without probes.
func (h *helper) took() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	asked := slices.DeleteFunc(h.asked, func(s string) bool { return strings.HasSuffix(s, "health") })
	h.asked = nil
	return strings.Join(asked, ", ")
}

// everAsked is what it was asked since it last took.
func (h *helper) everAsked() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.asked, ", ")
}

// story is a supervisor in its world.
type story struct {
	*testing.T
	*Supervisor
	journal paper
	kernel  stillness
	meter   gauge
	manager manager
	helper  *helper
	store   *installed
	disk    *disk
	wall    *wall
	end     context.CancelFunc
	over    chan error
	boot    string
	// unreachable makes sysg-exec refuse connections.
	unreachable atomic.Bool
	life        context.Context // of the present supervisor
}

// tell runs a story in a bubble.
func tell(t *testing.T, play func(s *story)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &story{
			T: t, helper: newHelper(t), disk: &disk{}, wall: newWall(), boot: "boot-1",
			store: &installed{stored: map[int]generation.Supervise{}},
		}
		s.supervise()
		play(s)
		s.end()
		<-s.over
	})
}

// supervise starts a supervisor on what is there.
func (s *story) supervise() {
	s.Supervisor = New(Config{
		Dial: func() (Helper, error) {
			if s.unreachable.Load() {
				return nil, syscall.ECONNREFUSED
			}
			return s.helper.reconnected(), nil
		},
		Generations: s.store, Logs: silent{}, States: s.disk, Clock: s.wall, BootID: s.boot,
		Journal: &s.journal, Kernel: &s.kernel, Meter: &s.meter, Manager: &s.manager,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	s.disk.mu.Lock()
	s.disk.to, s.disk.off = s.Supervisor, false
	s.disk.mu.Unlock()
	ctx, end := context.WithCancel(context.Background())
	s.life, s.end, s.over = ctx, end, make(chan error, 1)
	go func() { s.over <- s.Supervisor.Run(ctx) }()
	synctest.Wait()
}

// dies is kill -9 of the supervisor; what happens then is up to the story,
// until supervise.
func (s *story) dies() {
	s.disk.mu.Lock()
	s.disk.off = true
	s.disk.mu.Unlock()
	s.end()
	<-s.over
}

func quiet(api.Reply) error { return nil }

// begin starts services and waits for the answer.
func (s *story) begin(services ...string) api.Result {
	s.Helper()
	result, err := s.Start(context.Background(), api.Caller{}, api.Start{Project: "p", Services: services}, quiet)
	if err != nil {
		s.Fatal(err)
	}
	return result
}

// sleep lets time pass.
func (s *story) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// phases are all services with their phases.
func (s *story) phases() string {
	s.Helper()
	synctest.Wait()
	snapshot, err := s.Status(context.Background(), api.Caller{}, api.Status{})
	if err != nil {
		s.Fatal(err)
	}
	var words []string
	for _, unit := range snapshot.Units {
		words = append(words, unit.Name+" "+unit.Phase)
	}
	return strings.Join(words, ", ")
}

// want compares.
func (s *story) want(what, got, want string) {
	s.Helper()
	if got != want {
		s.Errorf("%s: %s\n   want %s", what, got, want)
	}
}
