package supervisor

import (
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// TestACheckThatBeganAnewMakesOneAttemptAtATime: sysg-exec comes back between
// two attempts, and what was planned before is not made as well.
func TestACheckThatBeganAnewMakesOneAttemptAtATime(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleHealth: -1}
		s.store.put(plain("api", checked(generation.Probe{Interval: time.Second, AttemptTimeout: time.Minute, Retries: 9})))
		s.asks(func() (api.Result, error) { return s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet) })
		s.sleep(time.Second)
		s.helper.exit(s.helper.running(spec.RoleHealth), 1<<8)
		s.sleep(500 * time.Millisecond)
		s.breaks(func() {})
		s.sleep(2 * time.Second)
		first := s.helper.running(spec.RoleHealth)
		s.helper.exit(first, 0)
		synctest.Wait()
		if second := s.helper.running(spec.RoleHealth); second != "" {
			t.Error("there was another attempt at the same time")
			s.helper.exit(second, 0)
		}
		s.want("phases", s.phases(), "api ready")
	})
}
