package confine

import (
	"os"
	"testing"
)

// A test that launches starts this binary again where a stage is needed. That
// must be a stage, and not all tests once more, which would start others.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "launch" {
		Become()
		os.Exit(1)
	}
	os.Exit(m.Run())
}
