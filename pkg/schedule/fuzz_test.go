package schedule

import (
	"errors"
	"testing"
	"time"
)

// FuzzParse: whatever is written, there is either an *Error that names a field or
// a schedule whose next times are in order, and which reads the same again.
func FuzzParse(f *testing.F) {
	for _, seed := range [][2]string{
		{"30 2 * * MON-FRI", "Europe/Berlin"},
		{"*/15 * * * *", "Australia/Lord_Howe"},
		{"0 0 22-4/3 28-3 nov-feb 5-7,7/2 2027-2030/2", "UTC"},
		{"@hourly", "local"},
		{"@every 1h", ""},
		{"0 0 31 2 *", "Pacific/Apia"},
		{"TZ=UTC 1 2 3 4 5", "../etc"},
		{"0-59/9999 ? ? ? ? ?", "Local"},
		{"* 2 25-31 3 */7", "Europe/Berlin"},
	} {
		f.Add(seed[0], seed[1], int64(1_800_000_000))
	}
	f.Fuzz(func(t *testing.T, expression, zone string, at int64) {
		s, err := Parse(expression, zone)
		if err != nil {
			var refusal *Error
			if !errors.As(err, &refusal) || refusal.Field == "" || refusal.Reason == "" {
				t.Fatalf("Parse(%q, %q): %v", expression, zone, err)
			}
			return
		}
		again, err := Parse(s.text, zone)
		if err != nil || again.String() != s.String() {
			t.Fatalf("Parse(%q) reads %q, which reads %v (%v)", expression, s.text, again, err)
		}
		after := time.Unix(at%farthest, 0)
		for range 3 {
			next, ok := s.Next(after)
			other, otherOK := again.Next(after)
			if ok != otherOK || !next.Equal(other) {
				t.Fatalf("%v: after %v comes %v or %v", s, after, next, other)
			}
			if !ok {
				return
			}
			if !next.After(after) || next.Nanosecond() != 0 {
				t.Fatalf("%v: after %v comes %v", s, after, next)
			}
			// Where a clock is never changed, every next time matches, and there
			// is none between: half way on, the same one comes.
			if s.zone == time.UTC {
				half := after.Add(min(next.Sub(after), time.Hour) / 2)
				if same, _ := s.Next(half); !same.Equal(next) || !s.hour.has(next.Hour()) || !s.minute.has(next.Minute()) {
					t.Fatalf("%v: after %v comes %v, after %v comes %v", s, after, next, half, same)
				}
			}
			after = next
		}
	})
}
