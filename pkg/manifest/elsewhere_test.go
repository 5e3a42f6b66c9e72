package manifest

import (
	"strings"
	"testing"
)

func TestAKeyInTheWrongPlaceIsToldWhereItBelongs(t *testing.T) {
	for key, want := range map[string]string{
		"pre_start": "deployment", "health_check": "deployment", "activation": "sockets", "memory_max": "limits.cgroup",
		"expression": "cron", "nofile": "limits", "onstart": "hooks", "ro_paths": "isolation.landlock", "nowhere": "",
		"interval": "liveness, deployment.health_check, deployment.blue_green.candidate_health_check",
		// There are too many of these.
		"timeout": "",
	} {
		if got := strings.Join(placesOf(&serviceObject, key), ", "); got != want {
			t.Errorf("%s belongs under %q, want %q", key, got, want)
		}
	}
}
