package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"systemg.org/sysg/pkg/api"
)

// renderInspection is the text of sysg inspect, a section for each aspect.
func renderInspection(inspection api.Inspection, width int, colour bool) string {
	var b strings.Builder
	unit := inspection.Unit
	if unit == nil {
		return "The service is gone.\n"
	}
	section := func(title, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%s\n%s\n", paint(colour, bold, title), text)
		}
	}
	section("Overview", overviewOfUnit(*unit, colour))
	section("Process Tree", processTree(inspection.Processes))
	section("Resource Metrics", resources(*unit, inspection.Samples))
	section("System Resources", systemBars(inspection.System, width))
	section("Time Series Charts", charts(inspection.Samples, width))
	section("Process Details", processDetails(inspection.Processes))
	if unit.Cron != nil {
		section("Cron Run History", cronRuns(*unit.Cron))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// fields are names and values, one a line; those without a value are left out.
func fields(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(&b, "  %-12s %s\n", pairs[i]+":", pairs[i+1])
		}
	}
	return b.String()
}

func overviewOfUnit(unit api.Unit, colour bool) string {
	process, up, next := "", "", unit.NextRetryAt
	if unit.Process != nil {
		process = fmt.Sprintf("%d (%s), user %s", unit.Process.PID, unit.Process.State, orDash(unit.Process.User))
	}
	if unit.Uptime != nil {
		up = unit.Uptime.Human + ", since " + unit.Uptime.StartedAt
	}
	if unit.Cron != nil {
		next = unit.Cron.NextRun
	}
	last := lastExit(unit.LastExit)
	if unit.LastExit != nil && unit.LastExit.At != "" {
		last += ", at " + unit.LastExit.At
	}
	return fields(
		"Unit", unit.Name, "Project", fmt.Sprintf("%s (%s) [%s]", unit.Project.Name, unit.Project.ID, unit.Project.Mode),
		"Manifest", unit.Project.ConfigPath, "Kind", unit.Kind, "Intent", unit.Intent,
		"State", unit.State+" ("+words(unit.Phase)+")", "Cause", clean(unit.Cause),
		"Health", paint(colour, healthStyle(unit.Health), unit.Health),
		"User", runsAs(unit), "Process", process, "Uptime", up, "Last exit", last, "Restarts", fmt.Sprint(unit.Restarts), "Next", next,
		"Command", clean(strings.Join(strings.Fields(unit.Command), " ")), "Running as", clean(unit.RuntimeCommand),
		"Cgroup", unit.Cgroup, "Notes", clean(strings.Join(unit.Notes, "; ")),
	)
}

// runsAs is the user whom the manifest names, in the system's instance.
func runsAs(unit api.Unit) string {
	if unit.PrivilegesDropped {
		return unit.RunsAs + " (--drop-privileges)"
	}
	return unit.RunsAs
}

func processTree(processes []api.ProcessDetail) string {
	var b strings.Builder
	for _, p := range processes {
		indent := ""
		if p.Depth > 0 {
			indent = strings.Repeat("   ", p.Depth-1) + "└─ "
		}
		fmt.Fprintf(&b, "  %s%d %s\n", indent, p.PID, cut(clean(p.Command), 100))
	}
	return b.String()
}

func resources(unit api.Unit, samples []api.Sample) string {
	if unit.Metrics == nil {
		return ""
	}
	m := unit.Metrics
	var read, written uint64
	var span float64
	for _, sample := range samples {
		read, written, span = read+sample.IORead, written+sample.IOWritten, span+sample.Span
	}
	io := ""
	if len(samples) > 0 {
		io = fmt.Sprintf("%s read, %s written in %s", amount(read), amount(written), time.Duration(span*float64(time.Second)).Round(time.Second/10))
	}
	return fields(
		"CPU", fmt.Sprintf("%.1f%% now, %.1f%% on average, %.1f%% at most (100%% is one processor)", m.LatestCPU, m.AverageCPU, m.MaxCPU),
		"Memory", size(m.LatestRSS), "CPU time", (time.Duration(unit.CPUMicros) * time.Microsecond).Round(10*time.Millisecond).String(),
		"Storage", io, "Samples", fmt.Sprint(m.Samples),
	)
}

// amount is size, for numbers of which 0 is one.
func amount(bytes uint64) string {
	if bytes == 0 {
		return "0B"
	}
	return size(bytes)
}

// bar is a share of a whole in a row of characters.
func bar(share float64, width int) string {
	full := int(math.Round(min(max(share, 0), 1) * float64(width)))
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "]"
}

func systemBars(system api.System, width int) string {
	room := min(max(width-50, 10), 40)
	var b strings.Builder
	fmt.Fprintf(&b, "  Load    %s %.2f %.2f %.2f on %d processors\n", bar(system.Load[0]/float64(max(system.CPUs, 1)), room),
		system.Load[0], system.Load[1], system.Load[2], system.CPUs)
	fmt.Fprintf(&b, "  Memory  %s %s of %s\n", bar(share(system.MemoryUsed, system.MemoryTotal), room), size(system.MemoryUsed), size(system.MemoryTotal))
	if system.SwapTotal > 0 {
		fmt.Fprintf(&b, "  Swap    %s %s of %s\n", bar(share(system.SwapUsed, system.SwapTotal), room), size(system.SwapUsed), size(system.SwapTotal))
	}
	return b.String()
}

func share(part, whole uint64) float64 { return float64(part) / float64(max(whole, 1)) }

// chartHeight is how many rows a chart has.
const chartHeight = 6

func charts(samples []api.Sample, width int) string {
	if len(samples) < 2 {
		return ""
	}
	var cpu, memory []float64
	for _, sample := range samples {
		cpu, memory = append(cpu, sample.CPU), append(memory, float64(sample.RSS))
	}
	room := min(max(width-14, 10), 100)
	return chart("CPU %", cpu, room, func(v float64) string { return fmt.Sprintf("%.1f", v) }) +
		chart("Memory", memory, room, func(v float64) string { return size(uint64(v)) })
}

// chart draws the newest values as columns; the highest reaches the top.
func chart(title string, values []float64, width int, label func(float64) string) string {
	values = values[max(len(values)-width, 0):]
	top := max(slices.Max(values), math.SmallestNonzeroFloat64)
	var b strings.Builder
	fmt.Fprintf(&b, "  %s\n", title)
	for row := chartHeight; row > 0; row-- {
		mark := ""
		if row == chartHeight {
			mark = label(slices.Max(values))
		}
		fmt.Fprintf(&b, "  %9s |", mark)
		for _, value := range values {
			if value/top*chartHeight >= float64(row)-0.5 {
				b.WriteByte('#')
			} else {
				b.WriteByte(' ')
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "  %9s +%s\n", label(0), strings.Repeat("-", len(values)))
	return b.String()
}

func processDetails(processes []api.ProcessDetail) string {
	if len(processes) == 0 {
		return ""
	}
	rows := [][]string{{"  PROC", "PID", "PPID", "USER", "PRI", "NI", "VIRT", "RES", "SHR", "S", "CPU%", "MEM%", "TIME+", "CMD"}}
	for _, p := range processes {
		rows = append(rows, []string{
			"  " + clean(p.Name), fmt.Sprint(p.PID), fmt.Sprint(p.ParentPID), cmp.Or(p.User, "-"), fmt.Sprint(p.Priority), fmt.Sprint(p.Nice),
			size(p.Virtual), size(p.Resident), size(p.Shared), p.State, fmt.Sprintf("%.1f", p.CPU), fmt.Sprintf("%.1f", p.Memory),
			clock(p.CPUMicros), cut(clean(p.Command), 60),
		})
	}
	return align(rows, func(_, _ int, text string) string { return text })
}

// clock is processor time as top(1) shows it: minutes, seconds, hundredths.
func clock(micros uint64) string {
	hundredths := micros / 10_000
	return fmt.Sprintf("%d:%02d.%02d", hundredths/6000, hundredths/100%60, hundredths%100)
}

// cronShown is how many runs are shown.
const cronShown = 10

func cronRuns(cron api.Cron) string {
	if len(cron.RecentRuns) == 0 {
		return "  it has not run yet\n"
	}
	rows := [][]string{{"  RUN", "TIME", "STATUS", "USER", "PID", "CMD"}}
	for i, run := range cron.RecentRuns[:min(len(cron.RecentRuns), cronShown)] {
		pid := "-"
		if run.PID != 0 {
			pid = fmt.Sprint(run.PID)
		}
		rows = append(rows, []string{
			fmt.Sprintf("  %d", i+1), run.StartedAt, cmp.Or(run.Status, "running"), orDash(run.User), pid,
			orDash(cut(clean(run.Command), 60)),
		})
	}
	return align(rows, func(_, _ int, text string) string { return text })
}
