package supervisor

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTheTimeLeftIsNeverNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for left, want := range map[time.Duration]string{
			-time.Second: "10ms", 3 * time.Millisecond: "10ms", 247 * time.Millisecond: "250ms",
			1249 * time.Millisecond: "1.2s", 11400 * time.Millisecond: "11s",
		} {
			if got := until(time.Now().Add(left)).String(); got != want {
				t.Errorf("%v is told as %s, want %s", left, got, want)
			}
		}
	})
}
