package schedule

import (
	"math/bits"
	"slices"
	"time"
)

// set holds small numbers: bit n says whether n is in it.
type set uint64

func (s set) has(n int) bool { return s>>n&1 == 1 }

// from is the smallest member that is not below n.
func (s set) from(n int) (member int, ok bool) {
	rest := s >> n << n
	return bits.TrailingZeros64(uint64(rest)), rest != 0
}

// match is the first matching wall that is not before a given one.
func (s Schedule) match(wall int64) (int64, bool) {
	year, month, monthday := time.Unix(wall, 0).UTC().Date()
	hour, minute, second := time.Unix(wall, 0).UTC().Clock()
	today := time.Date(year, month, monthday, 0, 0, 0, 0, time.UTC)
	date, ok := s.dateFrom(year, int(month), monthday)
	if ok && date.Equal(today) {
		if clock, ok := s.clockFrom(hour, minute, second); ok {
			return date.Unix() + clock, true
		}
		date, ok = s.dateFrom(year, int(month), monthday+1)
	}
	if !ok {
		return 0, false
	}
	clock, ok := s.clockFrom(0, 0, 0)
	return date.Unix() + clock, ok
}

// clockFrom is the first time of day, in seconds, that is not before a given one.
func (s Schedule) clockFrom(hour, minute, second int) (clock int64, ok bool) {
	h, ok := s.hour.from(hour)
	if h > hour {
		minute, second = 0, 0
	}
	m, fits := s.minute.from(minute)
	if m > minute {
		second = 0
	}
	sec, left := s.second.from(second)
	switch {
	case !ok:
		return 0, false
	case !fits:
		return s.clockFrom(h+1, 0, 0)
	case !left:
		return s.clockFrom(h, m+1, 0)
	}
	return int64(h*60*60 + m*60 + sec), true
}

// dateFrom is the first matching date that is not before a given one, whose day
// may be one too many for its month.
func (s Schedule) dateFrom(year, month, monthday int) (time.Time, bool) {
	last := year + 400
	if s.years != nil {
		last = s.years[len(s.years)-1]
	}
	for y := s.yearFrom(year); y <= last; y = s.yearFrom(y + 1) {
		if y > year {
			month, monthday = 1, 1
		}
		for m, ok := s.month.from(month); ok; m, ok = s.month.from(m + 1) {
			if m > month {
				monthday = 1
			}
			if d, ok := s.days(y, m).from(monthday); ok {
				return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC), true
			}
		}
	}
	return time.Time{}, false
}

// yearFrom is the first year that is not before a given one; beyond the last
// listed one it is just that one, which the caller sees.
func (s Schedule) yearFrom(year int) int {
	if i, _ := slices.BinarySearch(s.years, year); i < len(s.years) {
		return s.years[i]
	}
	return year
}

// days are the matching days of a month.
func (s Schedule) days(year, month int) set {
	first := int(time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC).Weekday())
	length := time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	var days set
	for d := 1; d <= length; d++ {
		byMonth, byWeek := s.monthday.has(d), s.wkday.has((first+d-1)%7)
		if byMonth && byWeek || s.eitherDay && (byMonth || byWeek) {
			days |= 1 << d
		}
	}
	return days
}
