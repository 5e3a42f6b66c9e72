package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/robfig/cron/v3"
)

// unit is what a field may hold.
type unit struct {
	field    Field
	min, max int
	names    []string // of min and the following
	option   cron.ParseOption
}

// The units, in the order of their fields. The library has no years.
var units = [...]unit{
	{Second, 0, 59, nil, cron.Second},
	{Minute, 0, 59, nil, cron.Minute},
	{Hour, 0, 23, nil, cron.Hour},
	{DayOfMonth, 1, 31, nil, cron.Dom},
	{Month, 1, 12, []string{
		"january", "february", "march", "april", "may", "june",
		"july", "august", "september", "october", "november", "december",
	}, cron.Month},
	{DayOfWeek, 0, 6, []string{
		"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
	}, cron.Dow},
	{Year, 1970, 2199, nil, 0},
}

// isStar is Vixie's rule: the first character decides.
func isStar(text string) bool {
	return strings.HasPrefix(text, "*") || strings.HasPrefix(text, "?")
}

// item is one item of a field's list: numbers in steps, which go round after the
// unit's greatest one.
type item struct{ first, last, step int }

// items reads a field.
func (u unit) items(text string) ([]item, error) {
	var items []item
	for part := range strings.SplitSeq(text, ",") {
		it, err := u.item(part)
		if err != nil {
			return nil, &Error{u.field, text, err.Error()}
		}
		items = append(items, it)
	}
	return items, nil
}

func (u unit) item(text string) (it item, err error) {
	numbers, step, stepped := strings.Cut(text, "/")
	low, high, ranged := strings.Cut(numbers, "-")
	it.step = 1
	if stepped {
		if it.step, err = number(step); err != nil || it.step == 0 {
			return item{}, fmt.Errorf("the step %q is not a number above 0", step)
		}
	}
	if numbers == "*" || numbers == "?" && (u.field == DayOfMonth || u.field == DayOfWeek) {
		it.first, it.last = u.min, u.max
		return it, nil
	}
	if it.first, err = u.value(low); err != nil {
		return item{}, err
	}
	it.last = it.first
	switch {
	case ranged:
		if it.last, err = u.value(high); err != nil {
			return item{}, err
		}
	case stepped:
		it.last = u.max // below 7, for Sunday: so 7/2 goes round, once
	}
	if it.last < it.first && u.field == Year {
		return item{}, fmt.Errorf("the range %q ends before it begins", numbers)
	}
	return it, nil
}

// value is a number of the unit, or what its name stands for.
func (u unit) value(text string) (int, error) {
	for i, name := range u.names {
		if strings.EqualFold(text, name) || strings.EqualFold(text, name[:3]) {
			return u.min + i, nil
		}
	}
	n, err := number(text)
	switch {
	case text == "":
		return 0, fmt.Errorf("a number is missing")
	case err != nil && u.names != nil:
		return 0, fmt.Errorf("%q is neither a number nor a name", text)
	case err != nil:
		return 0, fmt.Errorf("%q is not a number", text)
	case u.field == DayOfWeek && n == 7:
	case n < u.min || n > u.max:
		return 0, fmt.Errorf("%d is not within %d-%d", n, u.min, u.max)
	}
	return n, nil
}

// number reads digits; Atoi alone would allow a sign.
func number(text string) (int, error) {
	if len(text) > 4 || strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, strconv.ErrSyntax
	}
	return strconv.Atoi(text)
}

// values are the numbers of an item, in the order of counting.
func (u unit) values(it item) []int {
	size := u.max - u.min + 1
	if it.last < it.first {
		it.last += size
	}
	var values []int
	for n := it.first; n <= it.last; n += it.step {
		values = append(values, (n-u.min)%size+u.min)
	}
	return values
}

// members reads a field of any unit but years. The library gets what it knows,
// ranges with steps, and of what goes round or has a 7 each single number.
func (u unit) members(text string) (set, error) {
	items, err := u.items(text)
	if err != nil {
		return 0, err
	}
	var plain []string
	for _, it := range items {
		if it.first <= it.last && it.last <= u.max {
			plain = append(plain, fmt.Sprintf("%d-%d/%d", it.first, it.last, it.step))
			continue
		}
		for _, n := range u.values(it) {
			plain = append(plain, strconv.Itoa(n))
		}
	}
	parsed, err := cron.NewParser(u.option).Parse(strings.Join(plain, ","))
	if err != nil {
		return 0, &Error{u.field, text, err.Error()}
	}
	spec := parsed.(*cron.SpecSchedule)
	return set(map[Field]uint64{
		Second: spec.Second, Minute: spec.Minute, Hour: spec.Hour,
		DayOfMonth: spec.Dom, Month: spec.Month, DayOfWeek: spec.Dow,
	}[u.field]), nil
}

// listed reads a field of years, nil for every year.
func (u unit) listed(text string) ([]int, error) {
	if text == "*" {
		return nil, nil
	}
	items, err := u.items(text)
	if err != nil {
		return nil, err
	}
	var years []int
	for _, it := range items {
		years = append(years, u.values(it)...)
	}
	slices.Sort(years)
	return slices.Compact(years), nil
}
