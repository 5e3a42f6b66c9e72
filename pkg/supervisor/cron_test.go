package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// The bubble's clock begins at 2000-01-01 00:00 UTC.

// job is a scheduled unit with the defaults of a manifest.
func job(name, expression string, change ...func(*generation.Service)) generation.Service {
	service := plain(name, policy(generation.Never))
	service.Cron = &generation.Cron{
		Expression: expression, Timezone: "UTC", Overlap: generation.OverlapSkip,
		Timeout: time.Hour, History: 50,
	}
	for _, f := range change {
		f(&service)
	}
	return service
}

func overlap(o generation.Overlap) func(*generation.Service) {
	return func(s *generation.Service) { s.Cron.Overlap = o }
}

func catchUp(s *generation.Service) { s.Cron.CatchUp = true }

// cronOf is all that is known of the unit job.
func (s *story) cronOf() api.CronUnit {
	s.Helper()
	synctest.Wait()
	units, err := s.Cron(context.Background(), api.Caller{}, api.CronQuery{Project: "p", Services: []string{"job"}, Next: 3})
	if err != nil || len(units) != 1 {
		s.Fatal(units, err)
	}
	return units[0]
}

// runs are the runs of the unit job, oldest first, with when they were planned.
func (s *story) runs() string {
	s.Helper()
	var words []string
	for _, run := range s.cronOf().Runs {
		status, planned := run.Status, "asked for"
		if status == "" {
			status = "runs"
		}
		if at, err := time.Parse(time.RFC3339, run.PlannedAt); err == nil {
			planned = at.UTC().Format("15:04:05")
		}
		words = append(words, planned+" "+status)
	}
	slices.Reverse(words)
	return strings.Join(words, ", ")
}

func (s *story) unit(name string) api.Unit {
	s.Helper()
	snapshot, err := s.Status(context.Background(), api.Caller{}, api.Status{Project: "p", Services: []string{name}})
	if err != nil {
		s.Fatal(err)
	}
	return snapshot.Units[0]
}

// looks are state, health and intent, as a status has them.
func (s *story) looks(name string) string {
	s.Helper()
	synctest.Wait()
	unit := s.unit(name)
	return fmt.Sprintf("%s %s %s %s", unit.Kind, unit.State, unit.Health, unit.Intent)
}

func TestARunBeginsWhenItsTimeComes(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "*/10 * * * *"))
		if result := s.begin(); !result.OK {
			t.Fatal(result)
		}
		s.want("a start launches nothing", s.helper.took(), "")
		s.want("before", s.looks("job"), "cron queued idle cron")
		s.want("next", s.cronOf().Next[0], "2000-01-01T00:10:00Z")
		s.sleep(10*time.Minute - time.Millisecond)
		s.want("too early", s.helper.took(), "")
		s.sleep(time.Millisecond)
		s.want("in time", s.helper.took(), "launch job main")
		s.want("meanwhile", s.runs(), "00:10:00 runs")
		s.sleep(time.Second)
		s.helper.crash("job", 0)
		s.want("afterwards", s.phases(), "job scheduled")
		s.want("history", s.runs(), "00:10:00 Success")
		s.want("afterwards", s.looks("job"), "cron done healthy cron")
		if run := s.cronOf().Runs[0]; run.DurationMillis != 1000 || run.PID == 0 || *run.ExitCode != 0 {
			t.Errorf("%+v", run)
		}
		s.sleep(10 * time.Minute)
		s.helper.crash("job", code3)
		s.want("a failed run is not tried again", s.looks("job"), "cron failed failing cron")
		s.sleep(9 * time.Minute)
		s.want("history", s.runs(), "00:10:00 Success, 00:20:00 Failed: exited with code 3")
	})
}

func TestNothingTicksAtRest(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 12 * * *"))
		s.begin()
		s.sleep(6 * time.Hour)
		if rings := s.wall.rings.Load(); rings != 0 {
			t.Errorf("the alarm rang %d times before noon", rings)
		}
		s.sleep(6 * time.Hour)
		if rings := s.wall.rings.Load(); rings != 1 {
			t.Errorf("the alarm rang %d times at noon", rings)
		}
	})
}

func TestOverlapSkipIsRecorded(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "* * * * *", func(v *generation.Service) {
			v.Hooks = []generation.Hook{{Role: spec.RoleOnErr, Timeout: time.Second}}
		}))
		s.begin()
		s.sleep(2 * time.Minute)
		s.want("asked", s.helper.took(), "launch job main, launch job onerr")
		s.want("the first one runs", s.looks("job"), "cron running healthy cron")
		s.helper.crash("job", 0)
		s.want("history", s.runs(), "00:01:00 Success, 00:02:00 OverlapError")
		s.sleep(time.Minute)
		s.want("the next one comes", s.helper.took(), "launch job main")
	})
}

func TestOverlapQueueRunsOnceMore(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "* * * * *", overlap(generation.OverlapQueue)))
		s.begin()
		s.sleep(3*time.Minute + 30*time.Second)
		s.want("one at a time", s.helper.took(), "launch job main")
		s.helper.crash("job", 0)
		synctest.Wait()
		s.want("at once when it has ended", s.helper.took(), "launch job main")
		s.helper.crash("job", 0)
		s.want("and not twice", s.phases(), "job scheduled")
		s.want("history", s.runs(), "00:01:00 Success, 00:02:00 Success")
	})
}

func TestOverlapKillEndsTheLastOne(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "* * * * *", overlap(generation.OverlapKill)))
		s.begin()
		s.sleep(2 * time.Minute)
		s.want("asked", s.helper.took(), "launch job main, signal job 15, launch job main")
		s.want("history", s.runs(), "00:01:00 Interrupted: the next run was due (overlap: kill), 00:02:00 runs")
	})
}

func TestARunHasATimeLimit(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 * * * *", func(v *generation.Service) {
			v.Cron.Timeout = 10 * time.Minute
			v.Ready.Timeout = time.Minute
		}))
		s.begin()
		s.sleep(time.Hour + 10*time.Minute - time.Second)
		s.want("before", s.looks("job"), "cron running healthy cron")
		s.sleep(2 * time.Second)
		s.want("after", s.looks("job"), "cron failed failing cron")
		s.want("history", s.runs(), "01:00:00 Failed: did not end within 10m0s (cron.timeout)")
		links, err := s.Why(context.Background(), api.Caller{}, api.Why{Project: "p", Service: "job"})
		if err != nil || len(links) == 0 || !strings.Contains(links[0].Cause, "did not end within 10m0s") {
			t.Errorf("%v %+v", err, links)
		}
	})
}

func TestAStopUnschedulesAndEndsTheRun(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "* * * * *", catchUp))
		s.begin()
		s.sleep(time.Minute + time.Second)
		if result, err := s.Stop(context.Background(), api.Caller{}, api.Stop{Project: "p"}, quiet); err != nil || !result.OK {
			t.Fatal(result, err)
		}
		s.want("stopped", s.looks("job"), "cron stopped idle cron")
		s.want("history", s.runs(), "00:01:00 Interrupted: uid 0 asked for a stop")
		s.helper.took()
		s.sleep(time.Hour)
		s.want("it stays so", s.helper.took(), "")
		s.begin()
		s.want("and nothing of that time is made up for", s.helper.took(), "")
		s.sleep(time.Minute)
		s.want("until a start", s.helper.took(), "launch job main")
	})
}

func TestARunWaitsForWhatItDependsOn(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.broken["db"] = spec.Failed{Stage: spec.StageExec, Detail: "no such program"}
		s.store.put(plain("db", policy(generation.Never)), job("job", "* * * * *", on("db", generation.Started)))
		s.begin()
		s.sleep(5 * time.Minute)
		s.want("due", s.phases(), "db failed, job scheduled")
		if cause := s.unit("job").Cause; !strings.Contains(cause, "waits for dependency db") {
			t.Error(cause)
		}
		delete(s.helper.broken, "db")
		s.helper.took()
		s.begin("db")
		s.sleep(time.Second)
		s.want("asked", s.helper.took(), "launch db main, launch job main")
		s.helper.crash("db", 9)
		synctest.Wait()
		s.want("a run is no casualty", s.phases(), "db failed, job ready")
	})
}

func TestWhoDependsOnAScheduledUnitOutlivesItsRuns(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "* * * * *"), plain("api", on("job", generation.Started)))
		s.begin()
		s.sleep(time.Minute)
		s.helper.crash("job", code3)
		s.want("phases", s.phases(), "api ready, job scheduled")
		s.want("asked", s.helper.took(), "launch api main, launch job main")
	})
}

func TestACronUnitIsRunButNotStartedByItsName(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 12 * * *"), plain("api"))
		s.begin()
		s.helper.took()
		ctx, by := context.Background(), api.Caller{}
		_, startErr := s.Start(ctx, by, api.Start{Project: "p", Services: []string{"job"}}, quiet)
		_, restartErr := s.Restart(ctx, by, api.Restart{Project: "p", Services: []string{"api", "job"}}, quiet)
		_, wrongErr := s.CronRun(ctx, by, api.CronRunNow{Project: "p", Service: "api"}, quiet)
		for _, test := range []struct {
			err  error
			code string
		}{{startErr, api.CodeCronDirect}, {restartErr, api.CodeCronDirect}, {wrongErr, api.CodeNotCron}} {
			var d *api.Diagnostic
			if !errors.As(test.err, &d) || d.Code != test.code {
				t.Errorf("%v, want %s", test.err, test.code)
			}
		}
		s.want("nothing happened", s.helper.took(), "")
		result, err := s.CronRun(ctx, by, api.CronRunNow{Project: "p", Service: "job"}, quiet)
		if err != nil || !result.OK {
			t.Fatal(result, err)
		}
		s.want("asked", s.helper.took(), "launch job main")
		_, err = s.CronRun(ctx, by, api.CronRunNow{Project: "p", Service: "job"}, quiet)
		var d *api.Diagnostic
		if !errors.As(err, &d) || d.Code != api.CodeCronRunning {
			t.Error(err)
		}
		s.helper.crash("job", 0)
		go func() { s.sleepThen(time.Second, func() { s.helper.crash("job", code3) }) }()
		result, err = s.CronRun(ctx, by, api.CronRunNow{Project: "p", Service: "job", Wait: true}, quiet)
		if err != nil || result.OK || result.Failed[0].Code != api.CodeCronFailed {
			t.Error(result, err)
		}
		s.want("history", s.runs(), "asked for Success, asked for Failed: exited with code 3")
		s.want("the schedule stands", s.cronOf().Next[0], "2000-01-01T12:00:00Z")
	})
}

func TestHowAQuickRunEndsIsToldOnlyToWhoWaits(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 12 * * *"))
		s.begin()
		s.helper.acts = map[spec.Role]int{spec.RoleMain: 3}
		for range 100 { // Which comes first, its end or the answer, is a matter of luck.
			result, err := s.CronRun(context.Background(), api.Caller{}, api.CronRunNow{Project: "p", Service: "job"}, quiet)
			if err != nil || !result.OK {
				t.Fatal(result, err)
			}
			synctest.Wait()
		}
	})
}

func (s *story) sleepThen(d time.Duration, f func()) {
	time.Sleep(d)
	f()
}

func TestARestartOfEverythingEndsNoRun(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 * * * *"), plain("api"))
		s.begin()
		s.sleep(time.Hour)
		s.helper.took()
		restart := func() {
			t.Helper()
			result, err := s.Restart(context.Background(), api.Caller{}, api.Restart{Project: "p"}, quiet)
			if err != nil || !result.OK {
				t.Fatal(result, err)
			}
		}
		restart()
		s.want("asked", s.helper.took(), "signal api 15, launch api main")
		// And a new definition is for the runs to come.
		s.store.put(job("job", "*/20 * * * *", func(v *generation.Service) { v.Hash = "job-2" }), plain("api"))
		restart()
		s.want("asked", s.helper.took(), "")
		s.want("the run goes on", s.runs(), "01:00:00 runs")
		s.helper.crash("job", 0)
		s.want("next", s.cronOf().Next[0], "2000-01-01T01:20:00Z")
		s.sleep(20 * time.Minute)
		s.want("asked", s.helper.took(), "launch job main")
	})
}

func TestAServiceBecomesAScheduledUnitAndBack(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("job"))
		s.begin()
		s.store.put(job("job", "* * * * *", func(v *generation.Service) { v.Hash = "job-2" }))
		if result, err := s.Restart(context.Background(), api.Caller{}, api.Restart{Project: "p"}, quiet); err != nil || !result.OK {
			t.Fatal(result, err)
		}
		s.want("asked", s.helper.took(), "launch job main, signal job 15")
		s.want("it waits for its time", s.looks("job"), "cron queued idle cron")
		s.sleep(time.Minute)
		s.helper.took()
		s.store.put(plain("job"))
		s.begin()
		s.want("asked", s.helper.took(), "signal job 15, launch job main")
		s.want("a service again", s.looks("job"), "service running healthy unspecified")
	})
}

func TestJitterPutsARunOffByAtMostThat(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 * * * *", func(v *generation.Service) { v.Cron.Jitter = 10 * time.Minute }))
		s.begin()
		for hour := 1; hour <= 20; hour++ {
			at, err := time.Parse(time.RFC3339, s.cronOf().Next[0])
			due := time.Date(2000, 1, 1, hour, 0, 0, 0, time.UTC)
			if late := at.Sub(due); err != nil || late < 0 || late >= 10*time.Minute {
				t.Fatalf("planned for %v, its time is %v", at, due)
			}
			s.sleep(due.Add(10 * time.Minute).Sub(time.Now()))
			s.helper.crash("job", 0)
			synctest.Wait()
		}
		if runs := strings.Count(s.runs(), "Success"); runs != 20 {
			t.Errorf("%d runs in 20 hours", runs)
		}
	})
}
