package schedule

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func mustParse(t testing.TB, expression, zone string) Schedule {
	t.Helper()
	s, err := Parse(expression, zone)
	if err != nil {
		t.Fatalf("Parse(%q, %q): %v", expression, zone, err)
	}
	return s
}

// coming prints the next n times in the given layout.
func coming(s Schedule, after time.Time, n int, layout string) string {
	var times []string
	for range n {
		next, ok := s.Next(after)
		if !ok {
			times = append(times, "never")
			break
		}
		times = append(times, next.Format(layout))
		after = next
	}
	return strings.Join(times, ", ")
}

func TestWhatFieldsMean(t *testing.T) {
	start := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) // a Friday
	const clock, date = "15:04:05", "Mon 2 Jan"
	tests := []struct {
		expression string
		layout     string
		want       string
	}{
		{"*/20 * * * *", clock, "00:20:00, 00:40:00, 01:00:00"},
		{"*/25 * * * *", clock, "00:25:00, 00:50:00, 01:00:00"},
		{"5/25 * * * *", clock, "00:05:00, 00:30:00, 00:55:00, 01:05:00"},
		{"55-10/5 * * * *", clock, "00:05:00, 00:10:00, 00:55:00, 01:00:00"},
		{"50-10/8 * * * *", clock, "00:06:00, 00:50:00, 00:58:00, 01:06:00"},
		{"0,30,30,15 3 * * *", clock, "03:00:00, 03:15:00, 03:30:00, 03:00:00"},
		{"0 22-2 * * *", clock, "01:00:00, 02:00:00, 22:00:00, 23:00:00, 00:00:00"},
		{"0 22-4/3 * * *", clock, "01:00:00, 04:00:00, 22:00:00, 01:00:00"},
		{"0 09-010 * * *", clock, "09:00:00, 10:00:00, 09:00:00"},
		{"*/30 59 23 * * *", clock, "23:59:00, 23:59:30, 23:59:00"},
		{"58-1 0 0 * * *", clock, "00:00:01, 00:00:58, 00:00:59, 00:00:00"},
		{" 0\t0  1 * * ", date, "Mon 1 Feb"},
		{"@hourly", clock, "01:00:00, 02:00:00"},
		{"@daily", "Mon 15:04", "Sat 00:00, Sun 00:00"},
		{"@midnight", "Mon 15:04", "Sat 00:00, Sun 00:00"},
		{"@weekly", date, "Sun 3 Jan, Sun 10 Jan"},
		{"@monthly", date, "Mon 1 Feb, Mon 1 Mar"},
		{"@yearly", "2006-01-02", "2028-01-01, 2029-01-01"},
		{"@annually", "2006-01-02", "2028-01-01, 2029-01-01"},

		{"0 1 * * 0", date, "Sun 3 Jan, Sun 10 Jan"},
		{"0 1 * * 7", date, "Sun 3 Jan, Sun 10 Jan"},
		{"0 1 * * 0,7", date, "Sun 3 Jan, Sun 10 Jan"},
		{"0 1 * * 1", date, "Mon 4 Jan, Mon 11 Jan"},
		{"0 1 * * 5-7", date, "Fri 1 Jan, Sat 2 Jan, Sun 3 Jan, Fri 8 Jan"},
		{"0 1 * * 7-2", date, "Sun 3 Jan, Mon 4 Jan, Tue 5 Jan, Sun 10 Jan"},
		{"0 1 * * 7-7", date, "Sun 3 Jan, Sun 10 Jan"},
		{"0 1 * * 7-0", date, "Sun 3 Jan, Sun 10 Jan"},
		{"0 1 * * 6-0", date, "Sat 2 Jan, Sun 3 Jan, Sat 9 Jan"},
		{"0 1 * * 0-7", date, "Fri 1 Jan, Sat 2 Jan, Sun 3 Jan"},
		{"0 1 * * 1-7/3", date, "Sun 3 Jan, Mon 4 Jan, Thu 7 Jan, Sun 10 Jan"},
		{"0 1 * * 7/3", date, "Sat 2 Jan, Sun 3 Jan, Wed 6 Jan, Sat 9 Jan"},
		{"0 1 * * FRI-MON", date, "Fri 1 Jan, Sat 2 Jan, Sun 3 Jan, Mon 4 Jan, Fri 8 Jan"},
		{"0 1 * * fri-mon/2", date, "Fri 1 Jan, Sun 3 Jan, Fri 8 Jan"},
		{"0 1 * * Monday,wed", date, "Mon 4 Jan, Wed 6 Jan, Mon 11 Jan"},
		{"0 1 1 nov-feb *", date, "Fri 1 Jan, Mon 1 Feb, Mon 1 Nov, Wed 1 Dec"},
		{"0 1 1 11-3/2 *", date, "Fri 1 Jan, Mon 1 Mar, Mon 1 Nov"},
		{"0 1 1 september *", date, "Wed 1 Sep"},
		{"0 1 30-2 * *", date, "Fri 1 Jan, Sat 2 Jan, Sat 30 Jan, Sun 31 Jan, Mon 1 Feb, Tue 2 Feb, Mon 1 Mar"},
		{"0 1 31 * *", date, "Sun 31 Jan, Wed 31 Mar, Mon 31 May"},

		// Both fields of days restricted: either. One of them a star: both.
		{"0 1 13 * FRI", date, "Fri 1 Jan, Fri 8 Jan, Wed 13 Jan, Fri 15 Jan"},
		{"0 1 13 * *", date, "Wed 13 Jan, Sat 13 Feb"},
		{"0 1 13 * ?", date, "Wed 13 Jan, Sat 13 Feb"},
		{"0 1 ? * FRI", date, "Fri 1 Jan, Fri 8 Jan"},
		{"0 1 */2 * FRI", date, "Fri 1 Jan, Fri 15 Jan, Fri 29 Jan, Fri 5 Feb"},
		{"0 1 8-14 * */7", date, "Sun 10 Jan, Sun 14 Feb"},
		{"0 1 *,13 * FRI", date, "Fri 1 Jan, Fri 8 Jan"},
		{"0 1 13,* * FRI", date, "Fri 1 Jan, Sat 2 Jan"},
		{"0 1 1-31 * FRI", date, "Fri 1 Jan, Sat 2 Jan"},

		{"0 0 1 1 1 * 2029", "2006-01-02", "2029-01-01, never"},
		{"0 0 1 1 1 ? 2026-2028,2031/100", "2006-01-02", "2027-01-01, 2028-01-01, 2031-01-01, 2131-01-01, never"},
		{"0 0 1 1 1 * *", "2006-01-02", "2027-01-01, 2028-01-01"},
		{"0 0 1 1 1 * */7", "2006-01-02", "2033-01-01, 2040-01-01"},
		{"0 0 1 29 2 *", "2006-01-02", "2028-02-29, 2032-02-29"},
		{"0 0 1 29 2 */7 *", "Mon 2006-01-02", "Sun 2032-02-29, Sun 2060-02-29, Sun 2088-02-29, Sun 2128-02-29"},
	}
	for _, test := range tests {
		s := mustParse(t, test.expression, "UTC")
		if got := coming(s, start, strings.Count(test.want, ",")+1, test.layout); got != test.want {
			t.Errorf("%q comes at\n     %s\nnot  %s", test.expression, got, test.want)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	tests := []struct {
		expression, zone string
		field            Field
		want             string
	}{
		{"", "UTC", Expression, `cannot use the expression "": it has 0 fields`},
		{"* * * *", "UTC", Expression, "it has 4 fields, not 5, 6 (second first) or 7 (year last)"},
		{"* * * * * * * *", "UTC", Expression, "it has 8 fields"},
		{strings.Repeat("1,", 1024) + "1 * * * *", "UTC", Expression, "it is longer than 2048 bytes"},
		{"@reboot", "UTC", Expression, "unknown shorthand; there are @yearly"},
		{"@every 5m", "UTC", Expression, "unknown shorthand"},
		{"@daily *", "UTC", Expression, "unknown shorthand"},
		{"TZ=UTC * * * * *", "UTC", Second, `"TZ=UTC" is not a number`},
		{"60 * * * * *", "UTC", Second, `cannot use the second "60": 60 is not within 0-59`},
		{"60 * * * *", "UTC", Minute, `cannot use the minute "60": 60 is not within 0-59`},
		{"70-2 * * * *", "UTC", Minute, `70 is not within 0-59`},
		{"0 24 * * *", "UTC", Hour, `cannot use the hour "24": 24 is not within 0-23`},
		{"0 8-24 * * *", "UTC", Hour, `24 is not within 0-23`},
		{"0 0 0 * *", "UTC", DayOfMonth, `cannot use the day of month "0": 0 is not within 1-31`},
		{"0 0 L * *", "UTC", DayOfMonth, `"L" is not a number`},
		{"0 0 * 13 *", "UTC", Month, `cannot use the month "13": 13 is not within 1-12`},
		{"0 0 * janu *", "UTC", Month, `"janu" is neither a number nor a name`},
		{"0 0 * ? *", "UTC", Month, `"?" is neither a number nor a name`},
		{"0 0 * * 8", "UTC", DayOfWeek, `cannot use the day of week "8": 8 is not within 0-6`},
		{"0 0 * * MON#2", "UTC", DayOfWeek, `"MON#2" is neither a number nor a name`},
		{"0 0 * * MON-", "UTC", DayOfWeek, "a number is missing"},
		{"? 0 * * *", "UTC", Minute, `"?" is not a number`},
		{"1,,2 0 * * *", "UTC", Minute, "a number is missing"},
		{", 0 * * *", "UTC", Minute, "a number is missing"},
		{"*-5 0 * * *", "UTC", Minute, `"*" is not a number`},
		{"-5 0 * * *", "UTC", Minute, "a number is missing"},
		{"+5 0 * * *", "UTC", Minute, `"+5" is not a number`},
		{"1-2-3 0 * * *", "UTC", Minute, `"2-3" is not a number`},
		{"*/0 * * * *", "UTC", Minute, `the step "0" is not a number above 0`},
		{"*/ * * * *", "UTC", Minute, `the step "" is not a number above 0`},
		{"*/2/3 * * * *", "UTC", Minute, `the step "2/3" is not a number above 0`},
		{"50-10/0 * * * *", "UTC", Minute, `the step "0" is not a number above 0`},
		{"00000 * * * *", "UTC", Minute, `"00000" is not a number`},
		{"٣ * * * *", "UTC", Minute, `"٣" is not a number`},
		{"0 0 0 1 1 * 1969", "UTC", Year, "1969 is not within 1970-2199"},
		{"0 0 0 1 1 * 2030-2027", "UTC", Year, `the range "2030-2027" ends before it begins`},

		{"0 0 31 2 *", "UTC", DayOfMonth, `cannot use the day of month "31": the date never comes: the month "2" has no such day`},
		{"0 0 31 feb,jun,nov */2", "UTC", DayOfMonth, `the month "feb,jun,nov" has no such day`},
		{"0 0 0 29 2 * 2027", "UTC", Year, `cannot use the year "2027": the date never comes: it has no day of month "29" in the month "2"`},
		{"0 0 0 29 2 * 2100", "UTC", Year, "the date never comes"},

		{"0 0 * * *", "Europe/Belrin", Timezone, `cannot use the timezone "Europe/Belrin": unknown time zone`},
		{"0 0 * * *", "Europe", Timezone, "unknown time zone"},
		{"0 0 * * *", "Local", Timezone, `say "local"`},
		{"0 0 * * *", "utc+1", Timezone, "unknown time zone"},
		{"0 0 * * *", "../zoneinfo/UTC", Timezone, "unknown time zone"},
		{"0 0 * * *", "/etc/localtime", Timezone, "unknown time zone"},
		{"0 0 * * *", "Europe/Ber\x00lin", Timezone, "unknown time zone"},
	}
	for _, test := range tests {
		s, err := Parse(test.expression, test.zone)
		var refusal *Error
		if !errors.As(err, &refusal) {
			t.Errorf("Parse(%.40q, %q) = %v, %v", test.expression, test.zone, s, err)
			continue
		}
		if refusal.Field != test.field || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Parse(%.40q, %q): %s: %v; want %s: %s", test.expression, test.zone, refusal.Field, err, test.field, test.want)
		}
		if _, ok := s.Next(time.Unix(0, 0)); ok {
			t.Errorf("Parse(%.40q, %q) returns a schedule that is due", test.expression, test.zone)
		}
	}
}

// TestEitherDayMakesEveryMonthComeTrue: with a weekday beside it, 31 February is
// only one of two ways to match.
func TestEitherDayMakesEveryMonthComeTrue(t *testing.T) {
	s := mustParse(t, "0 0 31 2 MON", "UTC")
	got := coming(s, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), 2, "Mon 2 Jan")
	if want := "Mon 1 Feb, Mon 8 Feb"; got != want {
		t.Errorf("%v comes at %s, not %s", s, got, want)
	}
}

func TestZones(t *testing.T) {
	for zone, want := range map[string]*time.Location{"": time.Local, "local": time.Local, "UTC": time.UTC} {
		s := mustParse(t, "0 0 * * *", zone)
		next, ok := s.Next(time.Unix(0, 0))
		if !ok || next.Location() != want {
			t.Errorf("zone %q: the next time is in %v", zone, next.Location())
		}
	}
}

func TestStringIsWhatWasWritten(t *testing.T) {
	for want, s := range map[string]Schedule{
		"@daily in Asia/Kathmandu":     mustParse(t, "@daily", "Asia/Kathmandu"),
		"0 4 * * mon in local":         mustParse(t, " 0  4\t* * mon\n", ""),
		"0 0 4 ? * MON 2030-* in none": {text: "0 0 4 ? * MON 2030-*", zoneText: "none"},
	} {
		if s.String() != want {
			t.Errorf("String() = %q, want %q", s.String(), want)
		}
	}
}

func TestCheckRefusesWhatNeverComesAgain(t *testing.T) {
	now := time.Date(2027, 6, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		expression string
		field      Field // "" if it is accepted
		want       string
	}{
		{"0 0 0 1 1 * 2028", "", ""},
		{"0 0 0 1 1 * 1999", Year, `cannot use the year "1999": the date never comes after 2027-06-01`},
		{"0 0 0 1 1 * 2020-2027", Year, `cannot use the year "2020-2027"`},
		{"0 0 0 29 2 * 2024-2027", Year, `cannot use the year "2024-2027"`},
		{"* 1 25-31 3 */7", "", ""},
		{"30 2 25-31 3 */7", "", ""}, // a fixed time: at the end of the gap
		{"* 2 25-31 3 */7", Expression, "after 2027-06-01 the clock always skips its times"},
	}
	for _, test := range tests {
		err := mustParse(t, test.expression, "Europe/Berlin").Check(now)
		var refusal *Error
		switch {
		case test.field == "":
			if err != nil {
				t.Errorf("%q: %v", test.expression, err)
			}
		case !errors.As(err, &refusal):
			t.Errorf("%q: %v, want a refusal", test.expression, err)
		case refusal.Field != test.field || !strings.Contains(err.Error(), test.want):
			t.Errorf("%q: %s: %v, want %s: %s", test.expression, refusal.Field, err, test.field, test.want)
		}
	}
}
