package main

import (
	"slices"
	"testing"

	"systemg.org/sysg/pkg/api"
)

// Of start and restart that depends on what they are to do; see
// TestOperatorsInstallNothing.
func TestWhatInstallsForTheSystemNeedsRoot(t *testing.T) {
	var refused []string
	for _, v := range verbs() {
		if isCode(judgeMode(v, globals{system: true}, false, true), api.CodeNeedsRoot) {
			refused = append(refused, v.name)
		}
	}
	if want := []string{"reload", "rollback", "purge"}; !slices.Equal(refused, want) {
		t.Errorf("refused are %v, want %v", refused, want)
	}
}
