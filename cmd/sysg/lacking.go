package main

import (
	"context"
	"fmt"

	"systemg.org/sysg/pkg/api"
)

// warnOfLess tells whoever started services of the system's instance which of
// them run with less than the manifest asks for: what best_effort let go, and
// whom --drop-privileges made nobody. It is in status as well, where people
// look later; that nobody answers is told by whatever comes next.
func (a *app) warnOfLess(selections []selection) {
	if !a.system || a.out.quiet {
		return
	}
	conn, err := a.instance.another()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	snapshot, err := conn.Status(context.Background(), api.Status{})
	if err != nil {
		return
	}
	for _, text := range less(snapshot, selections) {
		a.warn(text)
	}
}

func less(snapshot api.Snapshot, selections []selection) []string {
	var told []string
	for _, unit := range snapshot.Units {
		if unit.Process == nil || !selected(unit, selections) {
			continue
		}
		if unit.PrivilegesDropped {
			told = append(told, fmt.Sprintf("service '%s' names no user and runs as %s", unit.Name, unit.RunsAs))
		}
		for _, key := range unit.Missing {
			told = append(told, fmt.Sprintf("service '%s' runs without %s, which this machine lacks", unit.Name, key))
		}
	}
	return told
}
