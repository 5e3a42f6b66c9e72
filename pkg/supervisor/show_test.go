package supervisor

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
)

// heard are the events that a call of Events has emitted, as "service from→to".
func heard(events []api.Event) string {
	var words []string
	for _, e := range events {
		words = append(words, fmt.Sprintf("%s %s→%s", e.Service, e.From, e.To))
	}
	return strings.Join(words, ", ")
}

// events asks for events and waits for the end.
func (s *story) events(params api.Events) []api.Event {
	s.Helper()
	var all []api.Event
	err := s.Events(context.Background(), api.Caller{}, params, func(r api.Reply) error {
		all = append(all, *r.Event)
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return all
}

func TestEveryStepIsAnEventWithItsCause(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api"))
		s.begin()
		s.helper.crash("api", code3)
		synctest.Wait()
		all := s.events(api.Events{Lines: -1})
		s.want("events", heard(all), "api down→waiting, api waiting→preparing, api preparing→launching, api launching→starting, "+
			"api starting→ready, api ready→ending, api ending→backing_off")
		for i, e := range all {
			if e.Sequence != i+1 || e.Cause == "" || e.At == "" || e.Project != "p" {
				t.Errorf("event %d: %+v", i, e)
			}
		}
		last := all[len(all)-1]
		s.want("the last one", last.Cause+" "+last.Code+" "+last.Kind, "it exited with code 3 SG0008 exit")
		s.want("the last two", heard(s.events(api.Events{Lines: 2})), "api ready→ending, api ending→backing_off")
		s.want("of another project", heard(s.events(api.Events{Lines: -1, Project: "q"})), "")
		s.sleep(time.Hour)
		s.want("since now", heard(s.events(api.Events{Lines: -1, Since: timestamp(time.Now())})), "")
	})
}

func TestAFollowerHearsEachEventOnce(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", func(v *generation.Service) { v.Restart.Backoff = 0 }), plain("db"))
		s.begin()
		before := len(s.events(api.Events{Lines: -1, Services: []string{"api"}, Project: "p"}))
		ctx, hangUp := context.WithCancel(context.Background())
		var numbers []int
		ended := make(chan error, 1)
		go func() {
			ended <- s.Events(ctx, api.Caller{}, api.Events{Project: "p", Services: []string{"api"}, Lines: -1, Follow: true}, func(r api.Reply) error {
				numbers = append(numbers, r.Event.Sequence)
				return nil
			})
		}()
		synctest.Wait()
		for range 3 {
			s.helper.crash("api", 9)
			s.sleep(time.Second)
		}
		hangUp()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for i := range numbers[1:] {
			if numbers[i+1] <= numbers[i] {
				t.Errorf("after %d comes %d", numbers[i], numbers[i+1])
			}
		}
		if want := len(s.events(api.Events{Lines: -1, Project: "p", Services: []string{"api"}})); len(numbers) != want || want == before {
			t.Errorf("heard %d of %d events, %d of before", len(numbers), want, before)
		}
		if len(s.followers) != 0 {
			t.Error("it is followed still")
		}
	})
}

func TestAFollowerThatFellBehindReadsTheJournal(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", func(v *generation.Service) { v.Restart.Backoff, v.Restart.MaxRestarts = 0, 1<<30 }))
		s.begin()
		ctx, hangUp := context.WithCancel(context.Background())
		defer hangUp()
		read := make(chan int)
		go func() {
			_ = s.Events(ctx, api.Caller{}, api.Events{Follow: true}, func(r api.Reply) error {
				select {
				case read <- r.Event.Sequence:
				case <-ctx.Done():
				}
				return ctx.Err()
			})
		}()
		synctest.Wait()
		for range maxUpdates/5 + 100 { // each crash is five events and more
			s.helper.crash("api", 9)
			synctest.Wait()
		}
		last := <-read
		for number := range read {
			if number != last+1 {
				t.Fatalf("after %d comes %d", last, number)
			}
			if last = number; last == len(s.journal.events) {
				break
			}
		}
	})
}

func TestWhyRemembersWhatWasBeforeARestartOfTheSupervisor(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api"))
		s.begin()
		s.helper.crash("api", code3)
		synctest.Wait()
		s.dies()
		s.supervise()
		links, err := s.Why(context.Background(), api.Caller{}, api.Why{Project: "p", Service: "api"})
		if err != nil || len(links) != 1 {
			t.Fatal(links, err)
		}
		if text := strings.Join(links[0].Evidence, "\n"); !strings.Contains(text, "starting → ready: it has been alive for 250ms") {
			t.Errorf("it has forgotten:\n%s", text)
		}
	})
}

func measured(interval time.Duration) func(*generation.Service) {
	return func(v *generation.Service) {
		v.Metrics = &generation.Metrics{Interval: interval, Retention: time.Hour, MaxMemory: 1 << 20}
	}
}

func TestWhereNothingIsMeasuredNothingTicks(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api"))
		s.begin()
		s.sleep(time.Hour)
		if n := s.meter.took(); n != 0 {
			t.Errorf("measured %d times", n)
		}
	})
}

func TestMetricsAreTakenInTheirInterval(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", measured(10*time.Second)), plain("db"))
		s.begin()
		if n := s.meter.took(); n != 0 {
			t.Errorf("measured %d times before it has lived", n)
		}
		s.sleep(time.Minute)
		if n := s.meter.took(); n != 6 {
			t.Errorf("measured %d times in a minute", n)
		}
		if _, err := s.Stop(context.Background(), api.Caller{}, api.Stop{Project: "p"}, quiet); err != nil {
			t.Fatal(err)
		}
		s.meter.took()
		s.sleep(time.Minute)
		if n := s.meter.took(); n != 0 {
			t.Errorf("measured %d times while it is down", n)
		}
	})
}

func TestWhatIsWatchedIsMeasuredEverySecond(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api"), plain("db"))
		s.begin()
		ctx, hangUp := context.WithCancel(context.Background())
		shown := 0
		ended := make(chan error, 1)
		go func() {
			_, err := s.Inspect(ctx, api.Caller{}, api.Inspect{Project: "p", Service: "api", StreamMillis: 5000}, func(r api.Reply) error {
				shown++
				return nil
			})
			ended <- err
		}()
		s.sleep(10*time.Second + time.Millisecond)
		if n := s.meter.took(); n < 10 || n > 12 || shown != 3 {
			t.Errorf("measured %d times, shown %d times", n, shown)
		}
		hangUp()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		s.meter.took()
		s.sleep(time.Hour)
		if n := s.meter.took(); n != 0 {
			t.Errorf("measured %d times for nobody", n)
		}
	})
}

func (s *story) snapshot(params api.Status) api.Snapshot {
	s.Helper()
	synctest.Wait()
	snapshot, err := s.Status(context.Background(), api.Caller{}, params)
	if err != nil {
		s.Fatal(err)
	}
	return snapshot
}

func TestAProcessThatIsGoneIsLostAndOneNotReapedAZombie(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api"), plain("db"))
		s.begin()
		unit := s.snapshot(api.Status{}).Units[0]
		s.want("as it lives", unit.State+" "+unit.Health+" "+unit.Process.State+" "+unit.Process.User, "running healthy running 4294967000")
		s.kernel.dead = map[int]bool{unit.Process.PID: true}
		s.kernel.zombies = map[int]bool{s.snapshot(api.Status{}).Units[1].Process.PID: true}
		snapshot := s.snapshot(api.Status{})
		lost, zombie := snapshot.Units[0], snapshot.Units[1]
		s.want("gone", lost.State+" "+lost.Health+" "+lost.Process.State, "lost warn missing")
		s.want("not reaped", zombie.State+" "+zombie.Health+" "+zombie.Process.State, "zombie failing zombie")
		s.want("all", snapshot.OverallHealth, "failing")
	})
}

func TestBootSaysHowFarAStartHasCome(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db", policy(generation.Never)), plain("api", on("db", generation.Completed)), plain("cache"))
		go s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		boot := func() string {
			b := s.snapshot(api.Status{}).Units[0].Project.Boot
			return fmt.Sprint(b.Settled, b.Failed, b.Cause)
		}
		s.sleep(time.Second)
		s.want("while one waits", boot(), "false []")
		s.helper.crash("db", code3)
		s.sleep(time.Second)
		s.want("after a failure", boot(), "true [api db]db: it exited with code 3")
	})
}

func TestMetricsOfAUnitWithoutSamplesAreThoseOfItsLife(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api"))
		s.begin()
		s.sleep(time.Minute)
		m := s.snapshot(api.Status{}).Units[0].Metrics
		if m == nil || m.Samples != 0 || m.LatestCPU < 40 || m.LatestCPU > 60 || m.LatestRSS != 1<<20 {
			t.Errorf("%+v", m)
		}
		inspection, err := s.Inspect(context.Background(), api.Caller{}, api.Inspect{Project: "p", Service: "api", Live: true}, nil)
		if err != nil || len(inspection.Samples) != 1 || inspection.Samples[0].Span != glance.Seconds() || inspection.Samples[0].CPU != 50 {
			t.Errorf("%+v, %v", inspection.Samples, err)
		}
		if len(inspection.Processes) != 1 || inspection.Processes[0].Name != "main" || inspection.System.CPUs != 2 {
			t.Errorf("%+v", inspection)
		}
	})
}
