package schedule

import (
	"math"
	"time"
)

// shift is more than a clock was ever put forward or back, and more than any
// zone is away from Greenwich. The largest in tzdata is a day (Samoa 2011,
// Alaska 1867).
const shift = 48 * 60 * 60

const day = 24 * 60 * 60

// never is the end of a period that does not end.
const never = math.MaxInt64

// loadZone finds the zone that a manifest names, in the machine's tzdata, on which
// the packages depend. Who builds programs for a machine without (a container of
// nothing else) adds them with -tags timetzdata: 400 KiB in each of two programs.
func loadZone(text string) (*time.Location, error) {
	switch text {
	case "", "local":
		return time.Local, nil
	case "UTC":
		return time.UTC, nil
	case "Local":
		return nil, &Error{Timezone, text, `unknown time zone; for that of the machine say "local"`}
	}
	zone, err := time.LoadLocation(text)
	if err != nil {
		return nil, &Error{Timezone, text, unknownZone()}
	}
	return zone, nil
}

// unknownZone says why a zone is not known, which may be that none is.
func unknownZone() string {
	if _, err := time.LoadLocation("Etc/UTC"); err != nil {
		return "this machine has no time zones: install the package tzdata"
	}
	return "unknown time zone; names are like Europe/Berlin"
}

// periodAt is the zone's offset at a time, and when the period ends that has it:
// always later. The next period may well have the same offset.
func periodAt(zone *time.Location, at int64) (offset, end int64) {
	t := time.Unix(at, 0).In(zone)
	_, seconds := t.Zone()
	_, bound := t.ZoneBounds()
	switch {
	case bound.IsZero():
		end = never
	case bound.Unix() > at:
		end = bound.Unix()
	default:
		// Go (1.26, time.tzset) takes every year to have 365 days, and so says
		// on the last day of a leap year that the period ended before it. It
		// lasts to the end of the year in Greenwich.
		end = at - at%day + day
	}
	return int64(seconds), end
}

// unreached is the first wall that the zone's clock has shown neither at a time
// nor before: after it was put back, it takes a while to show something new.
func unreached(zone *time.Location, at int64) (wall int64) {
	wall = math.MinInt64
	for from := at - shift; ; {
		offset, end := periodAt(zone, from)
		if end > at {
			return max(wall, at+offset+1)
		}
		wall = max(wall, end+offset)
		from = end
	}
}

// reaches is the first time, from a given one on, when the zone's clock shows a
// wall or more. It must not have shown that before.
func reaches(zone *time.Location, wall, from int64) (at int64) {
	for from = max(from, wall-shift); ; {
		offset, end := periodAt(zone, from)
		if at = max(from, wall-offset); at < end {
			return at
		}
		from = end
	}
}
