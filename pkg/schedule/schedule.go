package schedule

import (
	"strings"
	"time"
)

// Schedule is a cron expression in a time zone. Parse makes one; the zero
// Schedule is never due. It does not change, so copies may be used at once.
type Schedule struct {
	text, zoneText string
	zone           *time.Location

	second, minute, hour   set
	monthday, month, wkday set
	years                  []int // ascending; nil is every year

	eitherDay bool // one of the two fields of days suffices
	interval  bool // due whenever the clock matches, not once for each time
}

// String is the expression and the zone, as they were written.
func (s Schedule) String() string {
	return s.text + " in " + s.zoneText
}

// Check refuses a schedule that is never due after now: its years have passed,
// or it is an interval that lies where the zone's clock is always put forward.
func (s Schedule) Check(now time.Time) error {
	if _, ok := s.Next(now); ok {
		return nil
	}
	date := now.Format(time.DateOnly)
	if s.years != nil {
		return &Error{Year, s.text[strings.LastIndex(s.text, " ")+1:], "the date never comes after " + date}
	}
	return &Error{Expression, s.text, "after " + date + " the clock always skips its times"}
}
