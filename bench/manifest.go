package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// validate checks a manifest of ten thousand services, each with something to
// check.
func (b *bench) validate() ([]row, error) {
	const services = 10_000
	var text strings.Builder
	text.WriteString("version: \"3\"\nproject: large\nservices:\n")
	for n := range services {
		fmt.Fprintf(&text, "  s%d:\n    command: exec ./server --port %d\n    restart_policy: always\n    env: {vars: {PORT: \"%d\"}}\n", n, n, n)
		if n > 1 {
			fmt.Fprintf(&text, "    depends_on: [s%d, {service: s%d, condition: healthy}]\n", n-1, n/2-1)
		}
		text.WriteString("    deployment: {health_check: {command: ./check, interval: 1s}}\n    limits: {nofile: 4096}\n")
	}
	if err := os.WriteFile(filepath.Join(b.folder, "large.yaml"), []byte(text.String()), 0o600); err != nil {
		return nil, err
	}
	var times []float64
	for range b.starts {
		began := now()
		if err := b.sysg("validate", "-c", "large.yaml"); err != nil {
			return nil, err
		}
		times = append(times, millis(now()-began))
	}
	return []row{{what: "validate of a manifest of 10,000 services", unit: "ms", ours: times, limit: 1000}}, nil
}
