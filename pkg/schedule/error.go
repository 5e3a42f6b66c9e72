package schedule

import "fmt"

// Field names the part of a schedule that an Error is about.
type Field string

// The parts of a schedule, in the order in which they are written. Expression
// is the whole of it.
const (
	Expression Field = "expression"
	Second     Field = "second"
	Minute     Field = "minute"
	Hour       Field = "hour"
	DayOfMonth Field = "day of month"
	Month      Field = "month"
	DayOfWeek  Field = "day of week"
	Year       Field = "year"
	Timezone   Field = "timezone"
)

// Error says which field of a schedule is refused, what it says, and why.
type Error struct {
	Field  Field
	Text   string
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("cannot use the %s %q: %s", e.Field, e.Text, e.Reason)
}
