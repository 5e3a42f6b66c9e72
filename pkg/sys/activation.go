package sys

import (
	"os"
	"strconv"
	"strings"
)

// FirstPassed is the number of the first descriptor that a service manager passes
// on, SD_LISTEN_FDS_START of sd_listen_fds(3).
const FirstPassed = 3

// Passed takes over what this process was started with, by LISTEN_PID, LISTEN_FDS
// and LISTEN_FDNAMES: the names of the descriptors from FirstPassed on, none where
// they are another's. What has no name is called "unknown", as there. They are the
// caller's, once: the environment does not tell of them any more, and no child
// inherits them or any other stray descriptor.
//
// go-systemd's activation does the same, and has crypto/tls linked for it.
func Passed() ([]string, error) {
	pid, _ := strconv.Atoi(os.Getenv("LISTEN_PID"))
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for _, variable := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(variable)
	}
	if err := CloexecRange(FirstPassed, ^uint(0)); err != nil {
		return nil, err
	}
	if err != nil || pid != os.Getpid() || count < 0 {
		return nil, nil
	}
	passed := make([]string, count)
	for i := range passed {
		if passed[i] = "unknown"; i < len(names) && names[i] != "" {
			passed[i] = names[i]
		}
	}
	return passed, nil
}
