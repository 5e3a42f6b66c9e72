package metrics

import (
	"time"

	"systemg.org/sysg/pkg/api"
)

// The tiers: how many samples each keeps, and the span that one stands for; the
// first has them as they were taken.
const (
	rawKept     = 120
	minuteKept  = 60
	quarterKept = 96
	minute      = time.Minute
	quarter     = 15 * time.Minute
)

// sampleBytes is about what one kept sample takes.
const sampleBytes = 160

// series is what was seen of one service.
type series struct {
	incarnation string
	last        Look // of that incarnation
	raw         []api.Sample
	minutes     tier
	quarters    tier
}

// tier gathers samples until they span enough, and keeps the sums.
type tier struct {
	span    time.Duration
	kept    int
	samples []api.Sample
	open    gathering
}

// gathering is several samples on the way to one.
type gathering struct {
	total           api.Sample
	lowCPU, highCPU float64
	lowRSS, highRSS uint64
	rss             float64
}

func newSeries() *series {
	return &series{minutes: tier{span: minute, kept: minuteKept}, quarters: tier{span: quarter, kept: quarterKept}}
}

// add makes a sample of the time since the last look. The first look of an
// incarnation stands for its whole life so far.
func (s *series) add(incarnation string, began time.Time, look Look) api.Sample {
	before := s.last
	if s.incarnation != incarnation || before.At.IsZero() {
		before = Look{At: began}
	}
	s.incarnation, s.last = incarnation, look
	sample := Between(before, look)
	s.raw = pushed(s.raw, sample, rawKept)
	s.minutes.add(sample)
	s.quarters.add(sample)
	return sample
}

// Between is the sample of the time between two looks.
func Between(before, look Look) api.Sample {
	span := max(look.At.Sub(before.At).Seconds(), 0)
	sample := api.Sample{
		Timestamp: look.At, RSS: look.Memory, Count: 1, Span: span,
		IORead: since(before.Read, look.Read), IOWritten: since(before.Written, look.Written),
	}
	if span > 0 {
		sample.CPU = float64(since(before.CPU, look.CPU)) / 1e4 / span
	}
	return sample
}

// since is the growth of a counter; one that went back was begun anew.
func since(before, now uint64) uint64 {
	if now < before {
		return 0
	}
	return now - before
}

func (t *tier) add(sample api.Sample) {
	t.open.add(sample)
	if t.open.total.Span >= t.span.Seconds() {
		t.samples = pushed(t.samples, t.open.sum(), t.kept)
		t.open = gathering{}
	}
}

func (g *gathering) add(sample api.Sample) {
	if g.total.Count == 0 {
		g.lowCPU, g.lowRSS = sample.CPU, sample.RSS
	}
	g.total.Timestamp, g.total.RSS = sample.Timestamp, sample.RSS
	g.total.Count += sample.Count
	g.total.Span += sample.Span
	g.total.CPU += sample.CPU * sample.Span
	g.total.IORead += sample.IORead
	g.total.IOWritten += sample.IOWritten
	g.lowCPU, g.highCPU = min(g.lowCPU, sample.CPU), max(g.highCPU, sample.CPU)
	g.lowRSS, g.highRSS = min(g.lowRSS, sample.RSS), max(g.highRSS, sample.RSS)
	g.rss += float64(sample.RSS) * float64(sample.Count)
}

// sum is one sample for all that was gathered.
func (g gathering) sum() api.Sample {
	total := g.total
	if total.Span > 0 {
		total.CPU /= total.Span
	}
	mean := uint64(g.rss / float64(max(total.Count, 1)))
	total.CPUMin, total.CPUMax = &g.lowCPU, &g.highCPU
	total.RSSMin, total.RSSMax, total.RSSMean = &g.lowRSS, &g.highRSS, &mean
	return total
}

// pushed appends, and forgets the oldest above most.
func pushed(samples []api.Sample, sample api.Sample, most int) []api.Sample {
	samples = append(samples, sample)
	if extra := len(samples) - most; extra > 0 {
		samples = append(samples[:0], samples[extra:]...)
	}
	return samples
}

// samples are all that is kept, oldest first, each time once and as finely as
// it is known.
func (s *series) samples() []api.Sample {
	var all []api.Sample
	for _, tier := range [][]api.Sample{s.quarters.samples, s.minutes.samples, s.raw} {
		if len(tier) > 0 {
			first := tier[0].Timestamp.Add(-seconds(tier[0].Span))
			for len(all) > 0 && all[len(all)-1].Timestamp.After(first) {
				all = all[:len(all)-1]
			}
		}
		all = append(all, tier...)
	}
	return all
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// forget drops what ended before a time, and then the oldest until at most so
// many are left.
func (s *series) forget(before time.Time, most int) {
	for _, kept := range []*[]api.Sample{&s.quarters.samples, &s.minutes.samples, &s.raw} {
		samples := *kept
		for len(samples) > 0 && samples[0].Timestamp.Before(before) {
			samples = samples[1:]
		}
		*kept = samples
	}
	for _, kept := range []*[]api.Sample{&s.quarters.samples, &s.minutes.samples, &s.raw} {
		excess := len(s.quarters.samples) + len(s.minutes.samples) + len(s.raw) - most
		if excess <= 0 {
			return
		}
		*kept = (*kept)[min(excess, len(*kept)):]
	}
}
