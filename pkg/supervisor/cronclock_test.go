package supervisor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/store"
)

// Stories of clocks that are set, and of supervisors that die.

func TestAClockThatIsPutForward(t *testing.T) {
	for name, test := range map[string]struct {
		by   time.Duration
		with func(*generation.Service)
		want string
	}{
		"a little, over the time of a run: it is made":             {30*time.Minute + 30*time.Second, func(*generation.Service) {}, "00:30:00 Success"},
		"much, over the time of a run: it was missed":              {50 * time.Minute, func(*generation.Service) {}, ""},
		"much, and catch_up says one":                              {50 * time.Minute, catchUp, "00:30:00 Success"},
		"by days, and catch_up says one: one, not one for each":    {100 * time.Hour, catchUp, "00:30:00 Success"},
		"but not over the time of a run: nothing comes of it":      {10 * time.Minute, func(*generation.Service) {}, ""},
		"just before the time of a run: that comes so much sooner": {29*time.Minute + 59*time.Second, func(*generation.Service) {}, "00:30:00 Success"},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, func(s *story) {
				s.store.put(job("job", "30 * * * *", test.with))
				s.begin()
				s.wall.set(test.by)
				s.sleep(2 * time.Second)
				if strings.Contains(s.phases(), "ready") {
					s.helper.crash("job", 0)
				}
				s.want("history", s.runs(), test.want)
			})
		})
	}
}

func TestAClockThatIsPutBackRepeatsNothing(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 * * * *"))
		s.begin()
		for range 2 {
			s.sleep(time.Hour + 5*time.Minute)
			s.helper.crash("job", 0)
		}
		s.helper.took()
		s.wall.set(-time.Hour)
		s.sleep(50 * time.Minute) // it is 2:00 again
		s.want("at 2:00 again", s.helper.took(), "")
		s.sleep(time.Hour)
		s.want("at 3:00", s.helper.took(), "launch job main")
	})
}

func TestAClockThatWasWrongIsForgotten(t *testing.T) {
	tell(t, func(s *story) {
		s.wall.set(4 * 365 * 24 * time.Hour)
		s.store.put(job("job", "0 * * * *"))
		s.begin()
		s.sleep(time.Hour)
		s.helper.crash("job", 0)
		s.helper.took()
		s.wall.set(-4 * 365 * 24 * time.Hour)
		s.sleep(time.Hour)
		s.want("it does not wait four years", s.helper.took(), "launch job main")
	})
}

func TestARunInSummerTimeAndOutOfIt(t *testing.T) {
	tell(t, func(s *story) {
		berlin := func(v *generation.Service) { v.Cron.Timezone = "Europe/Berlin" }
		s.store.put(job("job", "30 2 * * *", berlin))
		s.sleep(time.Date(2000, 3, 25, 12, 0, 0, 0, time.UTC).Sub(time.Now()))
		s.begin()
		// On the 26th the clock goes from 2:00 to 3:00.
		s.want("next", strings.Join(s.cronOf().Next, " "),
			"2000-03-26T03:00:00+02:00 2000-03-27T02:30:00+02:00 2000-03-28T02:30:00+02:00")
		s.sleep(13 * time.Hour)
		s.want("at the end of the gap", s.helper.took(), "launch job main")
		s.helper.crash("job", 0)
		s.sleep(23 * time.Hour)
		s.want("not twice", s.helper.took(), "")
		s.sleep(time.Date(2000, 10, 29, 0, 0, 0, 0, time.UTC).Sub(time.Now()))
		s.helper.took()
		if strings.Contains(s.phases(), "ready") {
			s.helper.crash("job", 0)
		}
		s.sleep(30 * time.Minute) // 2:30 in summer time
		s.want("in the fold", s.helper.took(), "launch job main")
		s.helper.crash("job", 0)
		s.sleep(time.Hour) // 2:30 once more
		s.want("once", s.helper.took(), "")
	})
}

// away is a supervisor that is dead for a while.
func (s *story) away(d time.Duration) {
	s.dies()
	time.Sleep(d)
	s.supervise()
	synctest.Wait()
}

func TestARestartOfTheSupervisorLosesAndRepeatsNothing(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 * * * *"))
		s.begin()
		s.sleep(59*time.Minute + 50*time.Second)
		s.away(20 * time.Second)
		s.want("due meanwhile", s.helper.took(), "launch job main")
		s.sleep(time.Second)
		s.away(time.Second)
		s.want("adopted", s.runs(), "01:00:00 runs")
		s.helper.crash("job", 0)
		s.sleep(time.Second)
		s.away(time.Minute)
		s.want("over", s.runs(), "01:00:00 Success")
		s.want("not repeated", s.helper.took(), "")
		s.want("next", s.cronOf().Next[0], "2000-01-01T02:00:00Z")
	})
}

func TestWhatCameWhileTheSupervisorWasAway(t *testing.T) {
	for name, test := range map[string]struct {
		with func(*generation.Service)
		want string
	}{
		"catch_up none": {func(*generation.Service) {}, ""},
		"catch_up one":  {catchUp, "launch job main"},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, func(s *story) {
				s.store.put(job("job", "0 * * * *", test.with))
				s.begin()
				s.sleep(time.Second)
				s.away(5*time.Hour + 30*time.Minute)
				s.want("asked", s.helper.took(), test.want)
				s.want("next", s.cronOf().Next[0], "2000-01-01T06:00:00Z")
			})
		})
	}
}

func TestTheTimeLimitOfARunHoldsOverARestart(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "@yearly", func(v *generation.Service) { v.Cron.Timeout = 10 * time.Minute }))
		s.begin()
		if _, err := s.CronRun(context.Background(), api.Caller{}, api.CronRunNow{Project: "p", Service: "job"}, quiet); err != nil {
			t.Fatal(err)
		}
		s.sleep(4 * time.Minute)
		s.away(4 * time.Minute)
		s.want("before", s.runs(), "asked for runs")
		s.sleep(2*time.Minute + time.Second)
		s.want("after", s.runs(), "asked for Failed: did not end within 10m0s (cron.timeout)")
	})
}

func TestARunThatEndsWhileTheSupervisorIsAway(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 * * * *"))
		s.begin()
		s.sleep(time.Hour + time.Second)
		s.helper.took()
		s.dies()
		s.helper.crash("job", code3)
		time.Sleep(10 * time.Second)
		s.supervise()
		s.want("history", s.runs(), "01:00:00 Failed: exited with code 3")
		s.want("asked", s.helper.took(), "")
	})
}

func TestARunThatNobodyLivedToRecordIsNotRepeated(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 * * * *"))
		s.begin()
		s.sleep(time.Minute)
		s.disk.mu.Lock()
		s.disk.off = true // nothing of what comes is on disk
		s.disk.mu.Unlock()
		s.sleep(59 * time.Minute)
		s.want("asked", s.helper.took(), "launch job main")
		s.away(10 * time.Second)
		s.want("adopted", s.runs(), "01:00:00 runs")
		s.want("asked", s.helper.took(), "")
		s.helper.crash("job", 0)
		s.sleep(10 * time.Minute)
		s.want("history", s.runs(), "01:00:00 Success")
	})
}

func TestARunThatWasAboutToBeginBegins(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 * * * *"))
		s.begin()
		s.sleep(time.Hour)
		s.helper.crash("job", 0)
		s.sleep(time.Second)
		s.dies()
		// Of the files only that of schedules has reached the disk.
		saved := s.disk.saved.Cron.Jobs["job"]
		saved.Run, saved.History = &store.Run{Planned: saved.Last, Started: saved.Last}, nil
		s.disk.saved.Cron.Jobs["job"] = saved
		s.helper.took()
		s.supervise()
		s.want("asked", s.helper.took(), "launch job main")
		s.want("history", s.runs(), "01:00:00 runs")
	})
}

func TestARunIsRecordedOnce(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 * * * *"))
		s.begin()
		s.sleep(time.Hour + time.Second)
		before := *s.disk.saved
		s.disk.mu.Lock()
		s.disk.kept = true // what has ended is not acknowledged
		s.disk.mu.Unlock()
		s.helper.crash("job", 0)
		s.sleep(time.Second)
		s.dies()
		// The file of schedules has reached the disk, that of states has not.
		s.disk.saved.State, s.disk.saved.Processes, s.disk.kept = before.State, before.Processes, false
		s.supervise()
		s.want("history", s.runs(), "01:00:00 Success")
		s.want("phases", s.phases(), "job scheduled")
	})
}

func TestARunOfAStateThatCannotBeReadIsRecordedOnce(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 * * * *"))
		s.begin()
		s.sleep(time.Hour + time.Second)
		s.dies()
		record := s.disk.saved.State.Services["job"]
		record.Phase = "perplexed"
		s.disk.saved.State.Services["job"] = record
		s.supervise()
		s.helper.crash("job", code3)
		s.sleep(time.Second)
		if runs := s.runs(); !strings.HasSuffix(runs, " Failed: exited with code 3") || strings.Contains(runs, ",") {
			t.Error(runs)
		}
	})
}

func TestARunThatWasAskedForIsNotTakenForOneThatWasDue(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 * * * *"))
		s.begin()
		s.sleep(59 * time.Minute)
		s.disk.mu.Lock()
		s.disk.off = true
		s.disk.mu.Unlock()
		if _, err := s.CronRun(context.Background(), api.Caller{}, api.CronRunNow{Project: "p", Service: "job"}, quiet); err != nil {
			t.Fatal(err)
		}
		s.sleep(50 * time.Second)
		s.away(20 * time.Second)
		s.want("history", s.runs(), "asked for runs, 01:00:00 OverlapError")
	})
}

func TestABootInTheMiddleOfARun(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 * * * *", catchUp))
		s.begin()
		s.sleep(time.Hour + time.Second)
		s.dies()
		s.boot, s.helper = "boot-2", newHelper(t)
		time.Sleep(70 * time.Minute)
		s.supervise()
		s.want("history", s.runs(), "01:00:00 Interrupted: the machine was started meanwhile, 02:00:00 runs")
	})
}

func TestAHistoryThatCannotBeReadBeginsAnew(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 * * * *"))
		s.begin()
		s.sleep(time.Hour)
		s.helper.crash("job", 0)
		s.sleep(time.Second)
		s.dies()
		s.disk.saved.Cron = store.Cron{}
		s.disk.saved.CronError = &store.CorruptError{Path: t.TempDir() + "/none", Err: errors.New("it is cut")}
		s.supervise()
		s.want("history", s.runs(), "")
		s.want("next", s.cronOf().Next[0], "2000-01-01T02:00:00Z")
	})
}

func TestTheHistoryIsBounded(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "* * * * *", func(v *generation.Service) { v.Cron.History = 2 }))
		s.begin()
		for range 4 {
			s.sleep(time.Minute)
			s.helper.crash("job", 0)
		}
		s.want("history", s.runs(), "00:03:00 Success, 00:04:00 Success")
	})
}

func TestAJobIsNotRunBySysgExecTheThatIsAway(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(job("job", "0 * * * *"))
		s.begin()
		s.unreachable.Store(true)
		close(s.helper.events)
		s.sleep(time.Hour + 10*time.Second)
		s.want("asked", s.helper.took(), "")
		s.unreachable.Store(false)
		if _, err := s.Status(context.Background(), api.Caller{}, api.Status{}); err != nil {
			t.Fatal(err)
		}
		s.want("it is made up for", s.runs(), "01:00:00 runs")
	})
}
