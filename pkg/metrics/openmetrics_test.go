package metrics

import (
	"strings"
	"testing"

	"systemg.org/sysg/pkg/api"
)

func TestOpenMetricsOfASnapshot(t *testing.T) {
	code, signal := 3, 9
	snapshot := api.Snapshot{Units: []api.Unit{
		{
			Name: "api", Project: api.UnitProject{ID: "shop"}, Phase: "ready", Health: "healthy", Restarts: 2, CPUMicros: 1_500_000, Memory: 4096, DroppedLines: 7,
			Process: &api.Process{PID: 1}, Uptime: &api.Uptime{StartedAt: "1970-01-01T00:01:00.5Z"}, LastExit: &api.Exit{Signal: &signal},
		},
		{Name: `a"b\`, Project: api.UnitProject{ID: "x"}, Phase: "failed", Health: "failing", LastExit: &api.Exit{Code: &code}},
	}}
	var b strings.Builder
	if err := WriteOpenMetrics(&b, "1.2", &snapshot); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`sysg_build_info{version="1.2"} 1`,
		`sysg_service_up{project="shop",service="api"} 1`,
		`sysg_service_up{project="x",service="a\"b\\"} 0`,
		`sysg_service_failing{project="x",service="a\"b\\"} 1`,
		`sysg_service_restarts_total{project="shop",service="api"} 2`,
		`sysg_service_start_time_seconds{project="shop",service="api"} 60.5`,
		`sysg_service_cpu_seconds_total{project="shop",service="api"} 1.5`,
		`sysg_service_memory_bytes{project="shop",service="api"} 4096`,
		`sysg_service_last_exit_code{project="shop",service="api"} 137`,
		`sysg_service_last_exit_code{project="x",service="a\"b\\"} 3`,
		`sysg_service_dropped_lines_total{project="shop",service="api"} 7`,
	} {
		if !strings.Contains(b.String(), line+"\n") {
			t.Errorf("no %s in\n%s", line, b.String())
		}
	}
	if !strings.HasSuffix(b.String(), "\n# EOF\n") || strings.Contains(b.String(), `start_time_seconds{project="x"`) {
		t.Error(b.String())
	}
}
