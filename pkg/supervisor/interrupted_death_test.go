package supervisor

import (
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
)

func TestGivenUpWithoutRetryStaysSoOverARestartOfTheSupervisor(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", func(v *generation.Service) {
			v.Restart.MaxRestarts, v.Restart.RetryAfter = 1, 0
		}))
		s.begin()
		s.helper.crash("api", code3)
		s.sleep(6 * time.Second)
		s.helper.crash("api", code3)
		s.sleep(time.Second)
		s.dies()
		s.supervise()
		s.sleep(time.Hour)
		s.want("phases", s.phases(), "api given_up")
		if result := s.begin(); !result.OK {
			t.Error(result)
		}
		s.want("after a start", s.phases(), "api ready")
	})
}

func TestRetryAfterGoesOnOverARestartOfTheSupervisor(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", func(v *generation.Service) { v.Restart.MaxRestarts = 0 }))
		s.begin()
		s.helper.crash("api", code3)
		s.sleep(10 * time.Minute)
		s.dies()
		s.supervise()
		s.sleep(4 * time.Minute)
		s.want("before its time", s.phases(), "api given_up")
		s.sleep(2 * time.Minute)
		s.want("after its time", s.phases(), "api ready")
	})
}

func TestAClockSetBackDoesNotDelayATry(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api"))
		s.begin()
		s.helper.crash("api", code3)
		s.sleep(time.Second)
		s.dies()
		record := s.disk.saved.State.Services["api"]
		record.NextRetryAt = time.Now().Add(24 * time.Hour)
		s.disk.saved.State.Services["api"] = record
		s.supervise()
		s.sleep(6 * time.Minute) // max_backoff, and some
		s.want("phases", s.phases(), "api ready")
	})
}

func TestAOneShotThatWasNotRecordedIsNotRunAgain(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("seed", policy(generation.Never), on("db", generation.Started)))
		go s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		s.sleep(200 * time.Millisecond) // db is not ready yet, seed waits: saved
		s.disk.mu.Lock()
		s.disk.off = true
		s.disk.mu.Unlock()
		s.sleep(time.Second)
		s.helper.crash("seed", 0)
		s.sleep(time.Second)
		s.dies()
		s.helper.took()
		s.supervise()
		s.sleep(time.Second)
		s.want("phases", s.phases(), "db ready, seed done")
		s.want("asked", s.helper.took(), "")
	})
}

func TestWhatRunsIsTakenUpWhereItsStateIsLost(t *testing.T) {
	for _, lost := range []string{"gone", "nonsense", "without a name"} {
		tell(t, func(s *story) {
			s.store.put(plain("db"), plain("api", on("db", generation.Started)))
			s.begin()
			s.sleep(time.Second)
			s.dies()
			s.helper.took()
			record := s.disk.saved.State.Services["db"]
			switch lost {
			case "gone":
				s.disk.saved = nil
			case "nonsense":
				record.Phase = "perplexed"
			case "without a name":
				record.Incarnation = ""
			}
			if s.disk.saved != nil {
				s.disk.saved.State.Services["db"] = record
			}
			s.supervise()
			s.sleep(time.Second)
			s.want(lost, s.phases(), "api ready, db ready")
			s.want("asked", s.helper.took(), "")
		})
	}
}

// TestARestartGoesOnAfterADeathOfTheSupervisor: the half that was not done yet
// is a wish like any other.
func TestARestartGoesOnAfterADeathOfTheSupervisor(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("api", on("db", generation.Started)))
		s.helper.deaf["api"] = true
		s.begin()
		s.helper.took()
		go s.Restart(s.life, api.Caller{}, api.Restart{Project: "p"}, quiet)
		s.sleep(time.Second)
		s.dies()
		s.helper.took()
		s.supervise()
		s.sleep(time.Minute)
		if asked := s.helper.took(); !strings.Contains(asked, "kill api, signal db 15, launch db main, launch api main") {
			t.Error(asked)
		}
		s.want("phases", s.phases(), "api ready, db ready")
	})
}

// TestAnEndIsAcknowledgedOnceItIsOnDisk: what sysg-exec forgets before that, a
// death of the supervisor loses.
func TestAnEndIsAcknowledgedOnceItIsOnDisk(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("job", policy(generation.Never)))
		s.begin()
		s.sleep(time.Minute)
		s.disk.mu.Lock()
		s.disk.off = true
		s.disk.mu.Unlock()
		s.helper.crash("job", code3)
		s.sleep(time.Minute)
		for incarnation := range s.helper.live {
			s.Drained(incarnation) // its output is safe, its end is not
		}
		s.sleep(time.Minute)
		if kept := s.helper.kept(); kept != 1 {
			t.Errorf("the disk is stuck, and sysg-exec still has %d ends", kept)
		}
		s.Written("p", 1<<40, nil)
		s.sleep(time.Minute)
		if kept := s.helper.kept(); kept != 0 {
			t.Errorf("it is on disk, and sysg-exec still has %d ends", kept)
		}
	})
}

// kept is how many incarnations nobody has acknowledged.
func (h *helper) kept() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.live)
}
