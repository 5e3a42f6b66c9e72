package schedule

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// This file holds Next against something too simple to be wrong: a scan that
// looks at a zone's clock minute by minute over five years, or second by second
// around each change, and notes when a schedule is due. The schedules are made
// at random together with the numbers that they stand for, so that the parser
// is held to something other than itself. TORTURE=1 makes it long.

// ticks is what a zone's clock shows at each step of a span of time.
type ticks struct {
	start, step int64
	walls       []int64
}

func watch(zone *time.Location, from, to time.Time, step int64) ticks {
	w := ticks{start: from.Unix(), step: step, walls: make([]int64, 0, (to.Unix()-from.Unix())/step+1)}
	for at := from.Unix(); at < to.Unix(); at += step {
		_, offset := time.Unix(at, 0).In(zone).Zone()
		w.walls = append(w.walls, at+int64(offset))
	}
	return w
}

// changes are the times at which the clock does not go on by one step.
func (w ticks) changes() (times []int64) {
	for i := 1; i < len(w.walls); i++ {
		if w.walls[i]-w.walls[i-1] != w.step {
			times = append(times, w.start+int64(i)*w.step)
		}
	}
	return times
}

// sample is a random expression and what it means.
type sample struct {
	text               string
	second, min, hour  []bool
	day, month, wkday  []bool
	years              []bool // nil for every year; from 1900
	interval, bothDays bool
}

// due notes the times at which a sample is due. A fixed time is, when the clock
// shows it or something later for the first time.
func (w ticks) due(x sample) (times []int64) {
	highest := w.walls[0]
	for i, wall := range w.walls {
		at := w.start + int64(i)*w.step
		if x.interval {
			if x.matches(wall) {
				times = append(times, at)
			}
			continue
		}
		for ; i > 0 && highest < wall; highest += w.step {
			if x.matches(highest+w.step) && (len(times) == 0 || times[len(times)-1] != at) {
				times = append(times, at)
			}
		}
	}
	return times
}

func (x sample) matches(wall int64) bool {
	clock := (wall%day + day) % day
	if !x.second[clock%60] || !x.min[clock/60%60] || !x.hour[clock/3600] {
		return false
	}
	t := time.Unix(wall, 0).UTC()
	if !x.month[t.Month()] || x.years != nil && !x.years[t.Year()-1900] {
		return false
	}
	if x.bothDays {
		return x.day[t.Day()] && x.wkday[t.Weekday()]
	}
	return x.day[t.Day()] || x.wkday[t.Weekday()]
}

// dice makes samples.
type dice struct{ *rand.Rand }

func (d dice) one(of ...string) string { return of[d.IntN(len(of))] }

// field makes a field, and the numbers that it stands for.
func (d dice) field(low, high int, print func(int) string) (text string, members []bool) {
	members = make([]bool, high+1)
	add := func(first, last, step int) {
		for n, count := first, 0; ; count++ {
			if count%step == 0 {
				members[n] = true
			}
			if n == last {
				return
			}
			if n++; n > high {
				n = low
			}
		}
	}
	step := 1 + d.IntN(high-low+3)
	switch d.IntN(10) {
	case 0, 1, 2, 3:
		add(low, high, 1)
		return "*", members
	case 4:
		add(low, high, step)
		return fmt.Sprintf("*/%d", step), members
	}
	var parts []string
	for range 1 + d.IntN(3)*d.IntN(2) {
		first, last := low+d.IntN(high-low+1), low+d.IntN(high-low+1)
		switch kind := d.IntN(6); {
		case kind == 0 && first != last:
			add(first, last, 1)
			parts = append(parts, print(first)+"-"+print(last))
		case kind == 1 && first != last:
			add(first, last, step)
			parts = append(parts, fmt.Sprintf("%s-%s/%d", print(first), print(last), step))
		case kind == 2:
			add(first, high, step)
			parts = append(parts, fmt.Sprintf("%s/%d", print(first), step))
		default:
			add(first, first, 1)
			parts = append(parts, print(first))
		}
	}
	return strings.Join(parts, ","), members
}

// weekday prints a number in one of its forms; Sunday is 7 as well, but 0-7 is
// the whole week, which field does not mean: it has no range from 0 to 0.
func (d dice) weekday(n int) string {
	name := time.Weekday(n).String()
	return d.one(strconv.Itoa(n), strconv.Itoa((n+6)%7+1), name, strings.ToUpper(name[:3]))
}

func (d dice) month(n int) string {
	name := time.Month(n).String()
	return d.one(strconv.Itoa(n), fmt.Sprintf("%02d", n), strings.ToLower(name), name[:3])
}

// sample makes an expression of 5 fields, or of 6 or 7 with some of the years.
func (d dice) sample(seconds bool, years ...int) sample {
	var x sample
	var f [6]string
	f[0], x.second = d.field(0, 59, strconv.Itoa)
	f[1], x.min = d.field(0, 59, strconv.Itoa)
	f[2], x.hour = d.field(0, 23, strconv.Itoa)
	f[3], x.day = d.field(1, 31, strconv.Itoa)
	f[4], x.month = d.field(1, 12, d.month)
	f[5], x.wkday = d.field(0, 6, d.weekday)
	x.interval = f[1][0] == '*' || f[2][0] == '*'
	x.bothDays = f[3][0] == '*' || f[5][0] == '*'
	x.text = strings.Join(f[:], " ")
	if !seconds {
		x.text = strings.Join(f[1:], " ")
		x.second = make([]bool, 60)
		x.second[0] = true
		return x
	}
	if d.IntN(2) == 0 && years[0] >= 1970 {
		x.years = make([]bool, 400)
		var texts []string
		for range 2 {
			year := years[d.IntN(len(years))]
			x.years[year-1900] = true
			texts = append(texts, strconv.Itoa(year))
		}
		x.text += " " + strings.Join(texts, ",")
	}
	return x
}

// span is a zone, and the first of the years that are looked at in it.
type span struct {
	zone string
	year int
}

var spans = []span{
	{"UTC", 2024},
	{"Europe/Berlin", 2025},
	{"Europe/Berlin", 2088}, // beyond the table of the zone; a leap year that is none
	{"Europe/Dublin", 2024}, // where winter is the exception
	{"America/New_York", 2038},
	{"America/Sao_Paulo", 2014}, // at midnight, until 2019
	{"America/Nuuk", 2021},      // at -1 o'clock
	{"Australia/Lord_Howe", 2024},
	{"Asia/Kathmandu", 1984},
	{"Asia/Pyongyang", 2014},
	{"Africa/Casablanca", 2016}, // Ramadan, and a change of the whole
	{"Africa/Casablanca", 2084}, // the end of its table
	{"Antarctica/Troll", 2024},  // two hours
	{"Pacific/Apia", 2009},
	{"Pacific/Kwajalein", 1967}, // a day twice
	{"Pacific/Kwajalein", 1991}, // and a day skipped
}

// tries is how much to do: little by default, much with TORTURE=1.
func tries(little, much int) int {
	if os.Getenv("TORTURE") != "" {
		return much
	}
	return little
}

const seed = 20270328

func TestNextAgainstAScanByMinutes(t *testing.T) {
	for i, span := range spans {
		t.Run(fmt.Sprint(span.zone, " ", span.year), func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(span.zone)
			if err != nil {
				t.Fatal(err)
			}
			d := dice{rand.New(rand.NewPCG(seed, uint64(i)))}
			from := time.Date(span.year, 1, 1, 0, 0, 0, 0, time.UTC)
			w := watch(zone, from, from.AddDate(5, 0, 0), 60)
			for range tries(3, 150) {
				d.compare(t, w, d.sample(false), span.zone)
			}
		})
	}
}

func TestNextAgainstAScanBySeconds(t *testing.T) {
	// These have had offsets with seconds in them.
	odd := []span{{"Europe/Amsterdam", 1936}, {"Africa/Monrovia", 1971}, {"Asia/Kolkata", 1940}}
	for i, span := range slices.Concat(spans, odd) {
		t.Run(fmt.Sprint(span.zone, " ", span.year), func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(span.zone)
			if err != nil {
				t.Fatal(err)
			}
			d := dice{rand.New(rand.NewPCG(seed, uint64(i)))}
			from := time.Date(span.year, 1, 1, 0, 0, 0, 0, time.UTC)
			changes := watch(zone, from, from.AddDate(5, 0, 0), 900).changes()
			d.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
			for _, change := range changes[:min(len(changes), tries(1, 10))] {
				at := time.Unix(change, 0).UTC()
				w := watch(zone, at.Add(-60*time.Hour), at.Add(30*time.Hour), 1)
				for range tries(3, 40) {
					d.compare(t, w, d.sample(true, at.Year()-1, at.Year(), at.Year()+1), span.zone)
				}
			}
		})
	}
}

// compare walks a schedule from the beginning, over each change, and from times
// chosen at random, and wants what the scan has found.
func (d dice) compare(t *testing.T, w ticks, x sample, zone string) {
	s, err := Parse(x.text, zone)
	if err != nil {
		if strings.Contains(err.Error(), "never comes") && len(w.due(x)) == 0 {
			return
		}
		t.Errorf("seed %d: Parse(%q): %v", seed, x.text, err)
		return
	}
	due := w.due(x)
	end := w.start + int64(len(w.walls))*w.step
	walk := func(after time.Time, steps int) {
		if after.Unix() < w.start {
			return
		}
		for range steps {
			// A second's fraction counts: what is due at the whole second has passed.
			i, found := slices.BinarySearch(due, after.Unix())
			if found {
				i++
			}
			next, ok := s.Next(after)
			switch {
			case i < len(due) && (!ok || next.Unix() != due[i] || next.Nanosecond() != 0):
				t.Fatalf("seed %d: %v: after %v comes %v (%v), want %v", seed, s, after.In(s.zone), next, ok, time.Unix(due[i], 0).In(s.zone))
			case i == len(due) && ok && next.Unix() < end:
				t.Fatalf("seed %d: %v: after %v comes %v, want nothing before %v", seed, s, after.In(s.zone), next, time.Unix(end, 0).In(s.zone))
			case i == len(due):
				return
			}
			after = next
		}
	}
	walk(time.Unix(w.start, 0), tries(200, 2000))
	for _, change := range w.changes() {
		for range 5 {
			walk(time.Unix(change+d.Int64N(3*day)-2*day, d.Int64N(2)), 3)
		}
		walk(time.Unix(change-5400, 0), 20)
	}
	for range tries(50, 300) {
		walk(time.Unix(w.start+d.Int64N(end-w.start), d.Int64N(1e9)), 1)
	}
}

// TestTheScanFindsMistakes keeps this file itself honest: of a schedule that is
// taken for another, it notes other times.
func TestTheScanFindsMistakes(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	w := watch(zone, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC), 60)
	if got := len(w.changes()); got != 2 {
		t.Fatalf("the clock of Berlin is changed %d times a year", got)
	}
	all := func(n int) []bool { return slices.Repeat([]bool{true}, n) }
	only := func(n int) []bool { return append(make([]bool, n), append([]bool{true}, make([]bool, 60)...)...) }
	x := sample{second: only(0), min: only(30), hour: only(2), day: all(32), month: all(13), wkday: all(7), bothDays: true}
	if got := len(w.due(x)); got != 365 {
		t.Errorf("2:30 comes %d times a year", got)
	}
	x.interval = true
	if got := len(w.due(x)); got != 365 { // one day without, one with two
		t.Errorf("the clock shows 2:30 %d times a year", got)
	}
	x.min = all(60)
	if got := len(w.due(x)); got != 365*60 {
		t.Errorf("the clock shows the hour from 2:00 for %d minutes a year", got)
	}
}
