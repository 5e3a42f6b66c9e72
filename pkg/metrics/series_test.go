package metrics

import (
	"testing"
	"time"
)

var genesis = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// lived is a service that was measured every second for so many, using half a
// processor, with a megabyte more each time.
func lived(seconds int) *series {
	s := newSeries()
	for i := 1; i <= seconds; i++ {
		s.add("one", genesis, Look{
			At: genesis.Add(time.Duration(i) * time.Second), Condition: Running,
			CPU: uint64(i) * 500_000, Memory: uint64(i) << 20, Read: uint64(i) * 10, Written: uint64(i) * 20,
		})
	}
	return s
}

func TestASampleIsWhatHappenedSinceTheLastOne(t *testing.T) {
	s := lived(3)
	if len(s.raw) != 3 {
		t.Fatalf("%d samples", len(s.raw))
	}
	last := s.raw[2]
	if last.CPU != 50 || last.RSS != 3<<20 || last.IORead != 10 || last.IOWritten != 20 || last.Span != 1 || last.Count != 1 {
		t.Errorf("%+v", last)
	}
}

func TestANewIncarnationBeginsAtNothing(t *testing.T) {
	s := lived(3)
	began := genesis.Add(10 * time.Second)
	sample := s.add("two", began, Look{At: began.Add(2 * time.Second), CPU: 1_000_000, Read: 7})
	if sample.CPU != 50 || sample.IORead != 7 || sample.Span != 2 {
		t.Errorf("%+v", sample)
	}
}

func TestCountersThatGoBackCountAsNothing(t *testing.T) {
	sample := Between(Look{At: genesis, CPU: 100, Read: 100, Written: 5}, Look{At: genesis.Add(time.Second), CPU: 50, Read: 99, Written: 9})
	if sample.CPU != 0 || sample.IORead != 0 || sample.IOWritten != 4 {
		t.Errorf("%+v", sample)
	}
	if sample := Between(Look{At: genesis}, Look{At: genesis, CPU: 5}); sample.CPU != 0 {
		t.Errorf("in no time: %+v", sample)
	}
}

func TestTheTiersHoldWhatTheyShould(t *testing.T) {
	day := 24 * 60 * 60
	s := lived(day + 3600)
	if len(s.raw) != rawKept || len(s.minutes.samples) != minuteKept || len(s.quarters.samples) != quarterKept {
		t.Errorf("%d, %d, %d", len(s.raw), len(s.minutes.samples), len(s.quarters.samples))
	}
	quarter := s.quarters.samples[quarterKept-1]
	if quarter.Count != 900 || quarter.Span != 900 || quarter.CPU != 50 || quarter.IORead != 9000 || *quarter.CPUMax != 50 ||
		quarter.RSS != *quarter.RSSMax || *quarter.RSSMin >= *quarter.RSSMean || *quarter.RSSMean >= *quarter.RSSMax {
		t.Errorf("%+v", quarter)
	}
}

func TestSamplesTellEachTimeOnce(t *testing.T) {
	for _, seconds := range []int{1, 59, 60, 61, 119, 121, 3599, 3601, 4000, 16 * 60, 100_000} {
		all := lived(seconds).samples()
		for i, sample := range all[1:] {
			begins := sample.Timestamp.Add(-time.Duration(sample.Span) * time.Second)
			if begins.Before(all[i].Timestamp) {
				t.Errorf("after %d s sample %d (%s for %v s) is told twice", seconds, i+1, sample.Timestamp, sample.Span)
			}
		}
		if last := all[len(all)-1]; !last.Timestamp.Equal(genesis.Add(time.Duration(seconds) * time.Second)) {
			t.Errorf("after %d s the last is of %s", seconds, last.Timestamp)
		}
	}
}

func TestWhatIsOldOrTooMuchIsForgotten(t *testing.T) {
	s := lived(7200)
	s.forget(genesis.Add(7200*time.Second-10*time.Minute), 1000)
	if len(s.raw) != rawKept || len(s.minutes.samples) < 9 || len(s.minutes.samples) > 11 || len(s.quarters.samples) > 1 {
		t.Errorf("%d, %d, %d after the retention", len(s.raw), len(s.minutes.samples), len(s.quarters.samples))
	}
	s.forget(genesis, 50)
	if len(s.raw) != 50 || len(s.minutes.samples) != 0 || len(s.quarters.samples) != 0 {
		t.Errorf("%d, %d, %d with room for 50", len(s.raw), len(s.minutes.samples), len(s.quarters.samples))
	}
	if newest := s.raw[49].RSS; newest != 7200<<20 {
		t.Errorf("the newest is gone: %d", newest)
	}
}
