package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/metrics"
	"systemg.org/sysg/pkg/server"
	"systemg.org/sysg/pkg/supervisor"
	"systemg.org/sysg/pkg/version"
)

// scrape serves metrics on the sockets of a unit with FileDescriptorName=metrics,
// if an administrator has made one.
func scrape(ctx context.Context, inherited map[string]*os.File, s *supervisor.Supervisor, log *slog.Logger) error {
	file := inherited["metrics"]
	if file == nil {
		return nil
	}
	delete(inherited, "metrics")
	listener, err := net.FileListener(file)
	_ = file.Close()
	if err != nil {
		return fmt.Errorf("cannot take over the listener for metrics: %w", err)
	}
	answers := server.Scrape{Type: metrics.OpenMetricsType, Log: log, Render: func(ctx context.Context, w io.Writer) error {
		snapshot, err := s.Status(ctx, api.Caller{}, api.Status{All: true})
		if err != nil {
			return err
		}
		return metrics.WriteOpenMetrics(w, version.Version, &snapshot)
	}}
	go answers.Serve(ctx, listener)
	return nil
}
