package supervisor

import (
	"testing"
	"testing/synctest"
	"time"
)

// The two forms of an uptime are read side by side, so both drop what is not a
// whole second yet.
func TestUptimeSaysTheSameInSecondsAndInWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		since := time.Now()
		time.Sleep(59*time.Second + 700*time.Millisecond)
		up := uptime(since)
		if up.Seconds != 59 || up.Human != "59s" {
			t.Errorf("uptime after 59.7s: %d seconds, %q; want 59, \"59s\"", up.Seconds, up.Human)
		}
	})
}
