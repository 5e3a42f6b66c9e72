//go:build e2e

package test

import (
	"os"
	"path/filepath"
	"testing"
)

// mostInstalled is what the three programs may have on a disk together.
const mostInstalled = 14 << 20

// TestTheProgramsAreSmall weighs the programs as packaging/compile makes them. If
// this fails, see with `go tool nm -size -sort size` what came in.
func TestTheProgramsAreSmall(t *testing.T) {
	var all int64
	for _, program := range []string{"sysg", "sysgd", "sysg-exec"} {
		stat, err := os.Stat(filepath.Join(programs, program))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-9s %8d", program, stat.Size())
		all += stat.Size()
	}
	if t.Logf("together  %8d of %d", all, mostInstalled); all > mostInstalled {
		t.Errorf("the programs have %d KiB together, more than %d", all>>10, mostInstalled>>10)
	}
}
