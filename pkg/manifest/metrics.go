package manifest

import (
	"errors"
	"fmt"
	"math"
	"time"

	"systemg.org/sysg/pkg/generation"
)

var metricsObject = Object{Name: "metrics", Lenient: true, Keys: []*Key{
	key("sample_interval_secs", counted(1, 60, time.Second), "1", "seconds between two samples", in(func(m *generation.Metrics) any { return &m.Interval })),
	key("retention_minutes", counted(1, 1_000_000, time.Minute), "720", "how long samples are kept", in(func(m *generation.Metrics) any { return &m.Retention })),
	key("max_memory_bytes", bytesType(minMetrics), "10M", "memory for the samples of all services", in(func(m *generation.Metrics) any { return &m.MaxMemory })),
	key("spillover_path", directory, "", "directory for samples that memory has no room for", in(func(m *generation.Metrics) any { return &m.SpilloverDir })),
	key("spillover_max_bytes", bytesType(0), "6M", "disk space for them; 0 for none", in(func(m *generation.Metrics) any { return &m.SpilloverMax })),
	key("spillover_segment_bytes", bytesType(1), "256K", "size of one of their files", in(func(m *generation.Metrics) any { return &m.SpilloverSegment })),
}}

// minMetrics is the least memory in which samples are of any use.
const minMetrics = 131072

var metricsType = &Type{Name: "metrics", Accepts: "a mapping", Object: &metricsObject, form: keysOf(&metricsObject), nullable: true, read: func(r *reader, v value, to any) {
	m := &generation.Metrics{}
	r.defaults(&metricsObject, m)
	if r.object(&metricsObject, v, m); m.SpilloverMax == 0 {
		m.SpilloverDir = ""
	}
	if r.opts.System && m.SpilloverDir != "" {
		r.mustBeOurs(v.at("spillover_path"), m.SpilloverDir)
	}
	*to.(**generation.Metrics) = m
}}

// statusObject is read for its mistakes only. The older program collected the
// status now and then; here it is collected when it is asked for.
var statusObject = Object{Name: "status", Lenient: true, Keys: []*Key{
	key("snapshot_mode", choice[string]("off summary detailed"), "summary", "for manifests of the older program: status is always what is true when it is asked for", in(func(s *snapshots) any { return &s.mode })),
	key("snapshot_interval_secs", clamped(1, 300), "5", "the same", in(func(s *snapshots) any { return &s.interval })),
}}

type snapshots struct {
	mode     string
	interval int
}

// counted is a whole number of units of time.
func counted(least, most int, unit time.Duration) *Type {
	t := integer(least, most)
	return t.readBy(func(r *reader, v value, to any) {
		var count int
		before := r.errors
		if t.read(r, v, &count); r.errors == before {
			*to.(*time.Duration) = time.Duration(count) * unit
		}
	})
}

// clamped is a number that the older program moved into its range; version 3
// refuses what is out of it.
func clamped(least, most int) *Type {
	t, unbounded := integer(least, most), integer(math.MinInt32, math.MaxInt32)
	t.form = unbounded.form
	t.read = func(r *reader, v value, to any) {
		if r.version >= 3 {
			integer(least, most).read(r, v, to)
			return
		}
		var number int
		before := r.errors
		if unbounded.read(r, v, &number); r.errors > before {
			return
		}
		if in := min(max(number, least), most); in != number {
			r.report(v, Problem{
				Kind: KindValue, Warning: true, Message: fmt.Sprintf("%s is taken as %d, the nearest in its range", v.name, in),
				Why: "manifests of versions 1 and 2 always had it so; version 3 refuses it",
			})
			number = in
		}
		*to.(*int) = number
	}
	return t
}

// bytesType is a size of at least so many bytes.
func bytesType(least uint64) *Type {
	return word("a size", fmt.Sprintf("a whole number of bytes from %d on, or with K, M, G or T", least), numeral(0, math.MaxInt, sizePattern), func(text string) (uint64, error) {
		n, err := parseSize(text)
		if err == nil && (n < least || n > math.MaxInt64) {
			return 0, errors.New("out of range")
		}
		return n, err
	})
}
