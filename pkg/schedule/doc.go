// Package schedule answers one question: given a cron expression and a time
// zone, when is the next time?
//
//	s, err := schedule.Parse("30 2 * * MON-FRI", "Europe/Berlin")
//	next, ok := s.Next(now)    the first time after now; !ok is never again
//
// It is pure. It has no clock, no timer and no memory: whoever runs things asks
// again after each run, and again when the clock has been set.
//
// # Expressions
//
//	second minute hour day-of-month month day-of-week year
//	       minute hour day-of-month month day-of-week         5 fields, at second 0
//	second minute hour day-of-month month day-of-week         6 fields
//
// A field is a list of items separated by commas. An item is a star, a number
// or a name, or a range of them; a star, a number and a range may have a step:
// */15, 8-18/2, and 5/15, which is 5-59/15 in the minute. Months and weekdays
// have English names, of three letters or in full, in either case. A range that
// ends before it begins goes round: 22-2 is 22, 23, 0, 1, 2 and FRI-MON is four
// days; a step counts on over the turn. Sunday is 0 and 7. A ? stands for the
// star in the two fields of days. A year is 1970 to 2199. The shorthands are
// @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly.
//
// A field that begins with a star "is a star", */2 too, and this matters twice,
// as it does in Vixie's cron. First, if both fields of days are restricted,
// one of them has to match: "0 0 13 * FRI" is every 13th and every Friday. If
// one is a star, both have to: "0 0 */2 * FRI" is the Fridays with an odd date.
// Second, it tells the two kinds of schedule apart.
//
// # Clocks that are put forward and back
//
// A zone's clock skips an hour in spring and reads another one twice in autumn;
// it may be half an hour, or on Samoa in 2011 a whole day. What one wants
// depends on what was written:
//
//   - A fixed time, with neither minute nor hour a star, means once for each
//     time written down. It is due when the clock first reads that time or
//     more. So "30 2 * * *" runs at 3:00 on the day that has no 2:30, and at
//     the first of two 2:30s. Times skipped together are due together: one run.
//   - An interval, with the minute or the hour a star, is due whenever the
//     clock reads a matching time. So "*/15 * * * *" runs each real quarter of
//     an hour through both; but "* 2 * * *" has no run on the day without that
//     hour, and 120 on the day that has it twice.
//
// The hour of "0 0-23 * * *" is not a star; this is 24 fixed times.
//
// # What is refused
//
// Parse refuses with an *Error, which names the field: a field that cannot be
// read, a zone that nobody knows, and a date that no calendar has, such as 31
// February or 29 February 2027. That all the years lie in the past depends on
// the time, which the caller knows: Check says it, to be asked when a schedule
// is new. One that has ended is no reason to refuse what runs already.
//
// # How it works
//
// A wall is what a clock on a wall shows, as a number: the seconds since 1970 if
// that clock stood in Greenwich. Walls have a calendar without gaps and folds
// (civil.go), in which a matching date is found by years and months, not day by
// day. A zone is a row of periods with a constant offset between wall and time
// (zone.go). Next finds the matching wall and then its place in the row, or the
// other way round (next.go).
//
// The fields are read by the parser of github.com/robfig/cron, after what it
// does not know is rewritten (field.go): 7, ranges that go round, full names.
// Years it lacks, and it drops the star of */2. Its search for the next time is
// not used, since it gives up after five years, and loses and doubles runs where
// a clock is changed.
//
// Zones come from the system's files, which get the updates, or else from a copy
// in the program, for containers and small systems that have none. Like all of
// Go, local is what the zone of the machine was when the program first asked.
package schedule
