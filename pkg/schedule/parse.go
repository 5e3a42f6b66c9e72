package schedule

import (
	"fmt"
	"strings"
)

// longest bounds an expression, in bytes. All the numbers of all the fields,
// written out, take less.
const longest = 2048

// shorthands are the aliases, and what they stand for.
var shorthands = map[string]string{
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
	"@monthly":  "0 0 1 * *",
	"@weekly":   "0 0 * * 0",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@hourly":   "0 * * * *",
}

// Parse reads a cron expression and the name of a time zone: of the IANA, "UTC",
// or "local" or "" for that of the machine. An error is always an *Error.
func Parse(expression, zone string) (Schedule, error) {
	fields, err := split(expression)
	if err != nil {
		return Schedule{}, err
	}
	s := Schedule{text: strings.Join(strings.Fields(expression), " "), zoneText: zone}
	if zone == "" {
		s.zoneText = "local"
	}
	if s.zone, err = loadZone(zone); err != nil {
		return Schedule{}, err
	}
	for i, target := range []*set{&s.second, &s.minute, &s.hour, &s.monthday, &s.month, &s.wkday} {
		if *target, err = units[i].members(fields[i]); err != nil {
			return Schedule{}, err
		}
	}
	if s.years, err = units[6].listed(fields[6]); err != nil {
		return Schedule{}, err
	}
	s.interval = isStar(fields[1]) || isStar(fields[2])
	s.eitherDay = !isStar(fields[3]) && !isStar(fields[5])
	if err := s.imagine(fields); err != nil {
		return Schedule{}, err
	}
	return s, nil
}

// split cuts an expression into seven fields, with what the shorter forms mean.
func split(expression string) ([]string, error) {
	if len(expression) > longest {
		return nil, &Error{Expression, expression[:20] + "…", fmt.Sprintf("it is longer than %d bytes", longest)}
	}
	fields := strings.Fields(expression)
	if strings.HasPrefix(strings.Join(fields, ""), "@") {
		meaning, ok := shorthands[strings.Join(fields, " ")]
		if !ok {
			return nil, &Error{Expression, expression, "unknown shorthand; there are @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly"}
		}
		fields = strings.Fields(meaning)
	}
	switch len(fields) {
	case 5:
		return append(append([]string{"0"}, fields...), "*"), nil
	case 6:
		return append(fields, "*"), nil
	case 7:
		return fields, nil
	}
	return nil, &Error{Expression, expression, fmt.Sprintf("it has %d fields, not 5, 6 (second first) or 7 (year last)", len(fields))}
}

// imagine refuses a schedule with a date that no calendar has.
func (s Schedule) imagine(fields []string) error {
	if _, ok := s.dateFrom(units[6].min, 1, 1); ok {
		return nil
	}
	monthday, month, year := fields[3], fields[4], fields[6]
	s.years = nil
	if _, ok := s.dateFrom(units[6].min, 1, 1); ok {
		return &Error{Year, year, fmt.Sprintf("the date never comes: it has no day of month %q in the month %q", monthday, month)}
	}
	return &Error{DayOfMonth, monthday, fmt.Sprintf("the date never comes: the month %q has no such day", month)}
}
