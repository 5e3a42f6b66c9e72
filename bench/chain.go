package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// chain starts ten services of which each waits until the one before is
// healthy, and measures what that takes beyond the time of the ten probes.
func (b *bench) chain() ([]row, error) {
	const links, probeMillis = 10, 50
	var text strings.Builder
	text.WriteString("version: \"3\"\nproject: chain\nservices:\n")
	for n := range links {
		fmt.Fprintf(&text, "  s%d:\n    exec: [%q, %q]\n", n, b.stamp, b.fifo)
		fmt.Fprintf(&text, "    deployment: {health_check: {exec: [%q, %q], interval: 1s}}\n", b.probe, fmt.Sprint(probeMillis))
		if n > 0 {
			fmt.Fprintf(&text, "    depends_on: [{service: s%d, condition: healthy}]\n", n-1)
		}
	}
	if err := os.WriteFile(filepath.Join(b.folder, "chain.yaml"), []byte(text.String()), 0o600); err != nil {
		return nil, err
	}
	if err := b.install("chain", links); err != nil {
		return nil, err
	}
	var beyond []float64
	for range b.starts {
		// Let the machine come to rest, so that no round pays for the one before.
		time.Sleep(30 * time.Millisecond)
		began := now()
		wait, err := b.callStart("chain")
		if err != nil {
			return nil, err
		}
		if err := wait(); err != nil {
			return nil, err
		}
		beyond = append(beyond, millis(now()-began)-links*probeMillis)
		if err := b.births(links); err != nil {
			return nil, err
		}
		if err := b.sysg("stop", "-p", "chain"); err != nil {
			return nil, err
		}
	}
	return []row{{what: "chain of 10 with probes, beyond their own time", unit: "ms", ours: beyond, limit: 50}}, nil
}
