package main

import (
	"fmt"
	"strings"
	"time"

	"systemg.org/sysg/pkg/api"
)

// comingRuns is a schedule without its past, for JSON.
type comingRuns struct {
	Project    string   `json:"project"`
	Service    string   `json:"service"`
	Expression string   `json:"expression"`
	Timezone   string   `json:"timezone_label"`
	Phase      string   `json:"phase"`
	Next       []string `json:"next"`
}

func comingFrom(units []api.CronUnit) []comingRuns {
	coming := []comingRuns{}
	for _, u := range units {
		next := append([]string{}, u.Next...)
		coming = append(coming, comingRuns{u.Project, u.Service, u.Expression, u.TimezoneLabel, u.Phase, next})
	}
	return coming
}

// renderNext is a table of the times to come.
func renderNext(units []api.CronUnit, now time.Time, colour bool) string {
	rows := [][]string{{"UNIT", "NEXT", "IN", "ZONE", "SCHEDULE"}}
	for _, unit := range units {
		name := unit.Project + "/" + unit.Service
		if len(unit.Next) == 0 {
			rows = append(rows, []string{name, "never", "-", unit.TimezoneLabel, unit.Expression})
		}
		for _, text := range unit.Next {
			in := "-"
			if at, err := time.Parse(time.RFC3339, text); err == nil {
				in = rough(at.Sub(now))
			}
			rows = append(rows, []string{name, text, in, unit.TimezoneLabel, unit.Expression})
		}
	}
	return align(rows, boldHead(colour))
}

// renderHistory is a table of runs, the newest first.
func renderHistory(runs []api.CronRun, colour bool) string {
	rows := [][]string{{"RUN", "TIME", "STATUS", "USER", "PID", "DURATION", "CPU", "MEMORY", "CMD"}}
	for i, run := range runs {
		pid, took, used, memory := "-", "-", "-", "-"
		if run.PID != 0 {
			pid = fmt.Sprint(run.PID)
		}
		if run.CompletedAt != "" && run.Status != "OverlapError" {
			took = (time.Duration(run.DurationMillis) * time.Millisecond).String()
			used = (time.Duration(run.CPUMicros) * time.Microsecond).Round(time.Millisecond).String()
			memory = size(run.MemoryPeak)
		}
		status := run.Status
		if status == "" {
			status = "running"
		}
		rows = append(rows, []string{
			fmt.Sprint(i + 1), shortTime(run.StartedAt), clean(status), orDash(run.User), pid, took, used, memory,
			orDash(cut(clean(strings.Join(strings.Fields(run.Command), " ")), 40)),
		})
	}
	return align(rows, boldHead(colour))
}

func boldHead(colour bool) func(row, column int, text string) string {
	return func(row, _ int, text string) string {
		if row == 0 {
			return paint(colour, bold, text)
		}
		return text
	}
}

// shortTime is a time to the second, as it was given.
func shortTime(text string) string {
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at.Format(time.RFC3339)
	}
	return text
}

// rough is a span of time in its two largest units.
func rough(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	days, d := d/(24*time.Hour), d%(24*time.Hour)
	hours, d := d/time.Hour, d%time.Hour
	minutes, seconds := d/time.Minute, d%time.Minute/time.Second
	switch {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh%dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm%ds", minutes, seconds)
	}
	return fmt.Sprintf("%ds", seconds)
}
