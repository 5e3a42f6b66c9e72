package schedule

import "time"

// cycle is how long the calendar takes to repeat, weekdays included: 400 years.
// What is not due within it is never due.
const cycle = 146097 * 24 * 60 * 60

// farthest bounds the times that Next looks at (about 34 000 years from 1970),
// so that no sum below can overflow.
const farthest = 1 << 40

// Next is the first time after a given one at which the schedule is due; false
// says that it never is again. The time is a whole second, in the schedule's zone.
func (s Schedule) Next(after time.Time) (time.Time, bool) {
	if s.zone == nil || after.Unix() > farthest {
		return time.Time{}, false
	}
	find := s.nextFixed
	if s.interval {
		find = s.nextInterval
	}
	at, ok := find(max(after.Unix(), -farthest))
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(at, 0).In(s.zone), true
}

// nextInterval looks for a matching wall in each period of the zone in turn.
// What one period's clock has shown, the next one's may show again.
func (s Schedule) nextInterval(after int64) (at int64, ok bool) {
	end := int64(0)
	for at = after + 1; at <= after+cycle; at = end {
		var offset int64
		offset, end = periodAt(s.zone, at)
		if wall, ok := s.match(at + offset); ok && wall-offset < end {
			return wall - offset, true
		}
	}
	return 0, false
}

// nextFixed looks for the first matching wall that the clock has not reached,
// and for the time when it reaches it.
func (s Schedule) nextFixed(after int64) (at int64, ok bool) {
	wall, ok := s.match(unreached(s.zone, after))
	if !ok {
		return 0, false
	}
	return reaches(s.zone, wall, after+1), true
}
