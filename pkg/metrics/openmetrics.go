package metrics

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"systemg.org/sysg/pkg/api"
)

// OpenMetricsType is the media type of what WriteOpenMetrics writes.
const OpenMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

// family is one metric with a sample for each unit that has it.
type family struct {
	name, kind, unit, help string
	// value is what a unit has, nothing where it has none.
	value func(*api.Unit) (float64, bool)
}

func always(value float64) (float64, bool) { return value, true }

var families = []family{
	{"sysg_service_up", "gauge", "", "1 where it is ready or has completed, else 0.", func(u *api.Unit) (float64, bool) {
		if u.Phase == "ready" || u.Phase == "done" || u.Phase == "listening" || u.Phase == "scheduled" {
			return always(1)
		}
		return always(0)
	}},
	{"sysg_service_failing", "gauge", "", "1 where it needs a look: it failed, or is given up or backing off.", func(u *api.Unit) (float64, bool) {
		if u.Health == "failing" {
			return always(1)
		}
		return always(0)
	}},
	{"sysg_service_restarts", "counter", "", "Automatic restarts since it was first started by this supervisor.", func(u *api.Unit) (float64, bool) {
		return always(float64(u.Restarts))
	}},
	{"sysg_service_start_time_seconds", "gauge", "seconds", "When its main process was started, in seconds since 1970.", func(u *api.Unit) (float64, bool) {
		if u.Uptime == nil {
			return 0, false
		}
		return unixTime(u.Uptime.StartedAt)
	}},
	{"sysg_service_cpu_seconds", "counter", "seconds", "Processor time of all its processes, of this run.", func(u *api.Unit) (float64, bool) {
		return float64(u.CPUMicros) / 1e6, u.Process != nil
	}},
	{"sysg_service_memory_bytes", "gauge", "bytes", "Memory of all its processes.", func(u *api.Unit) (float64, bool) {
		return float64(u.Memory), u.Process != nil
	}},
	{"sysg_service_last_exit_code", "gauge", "", "Exit code of its last main process; 128 and the signal for one that a signal ended.", func(u *api.Unit) (float64, bool) {
		switch exit := u.LastExit; {
		case exit == nil:
		case exit.Code != nil:
			return always(float64(*exit.Code))
		case exit.Signal != nil:
			return always(float64(128 + *exit.Signal))
		}
		return 0, false
	}},
	{"sysg_service_dropped_lines", "counter", "", "Lines of output that could not be written.", func(u *api.Unit) (float64, bool) {
		return always(float64(u.DroppedLines))
	}},
	{"sysg_service_next_run_time_seconds", "gauge", "seconds", "When a scheduled unit runs next, in seconds since 1970.", func(u *api.Unit) (float64, bool) {
		if u.Cron == nil {
			return 0, false
		}
		return unixTime(u.Cron.NextRun)
	}},
}

func unixTime(text string) (float64, bool) {
	at, err := time.Parse(time.RFC3339Nano, text)
	return float64(at.UnixMilli()) / 1e3, err == nil
}

// WriteOpenMetrics writes a snapshot for Prometheus and its kin
// (OpenMetrics 1.0, text form). The samples of a counter are named NAME_total.
func WriteOpenMetrics(w io.Writer, version string, snapshot *api.Snapshot) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# TYPE sysg_build info\n# HELP sysg_build The supervisor's version.\nsysg_build_info{version=%s} 1\n", label(version))
	for _, f := range families {
		fmt.Fprintf(&b, "# TYPE %s %s\n", f.name, f.kind)
		if f.unit != "" {
			fmt.Fprintf(&b, "# UNIT %s %s\n", f.name, f.unit)
		}
		fmt.Fprintf(&b, "# HELP %s %s\n", f.name, f.help)
		suffix := ""
		if f.kind == "counter" {
			suffix = "_total"
		}
		for i := range snapshot.Units {
			unit := &snapshot.Units[i]
			if value, has := f.value(unit); has {
				fmt.Fprintf(&b, "%s%s{project=%s,service=%s} %s\n", f.name, suffix, label(unit.Project.ID), label(unit.Name), strconv.FormatFloat(value, 'f', -1, 64))
			}
		}
	}
	b.WriteString("# EOF\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// label quotes a label's value.
func label(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value) + `"`
}
