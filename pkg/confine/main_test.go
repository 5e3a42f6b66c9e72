package confine

import (
	"os"
	"runtime"
	"testing"
)

// TestMain is what a staged process of these tests begins with: /proc/self/exe is
// the test's own program, which would run all tests again, each of which would
// start more.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "launch" {
		runtime.LockOSThread()
		Become()
		os.Exit(1)
	}
	os.Exit(m.Run())
}
