package supervisor

import (
	"regexp"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/api"
)

// bindFailed matches what programs say when they cannot bind: the words of the
// C library, of Rust, of Node and of those who write their own.
var bindFailed = regexp.MustCompile(`(?i)address already in use|EADDRINUSE|\bos error (?:98|48)\b` +
	`|\bport\b.{0,40}\b(?:in use|taken|allocated)\b` +
	`|\b(?:cannot|can't|could not|couldn't|failed to|unable to) (?:bind|listen)\b.{0,60}\bport\b`)

// portInUse reports whether a service that ended by itself says that somebody
// else has its port. Other failures have a better reason than their output.
func portInUse(code string, output []string) bool {
	if code != api.CodeExitedAtStart && code != api.CodeStartFailed {
		return false
	}
	return slices.ContainsFunc(output, func(line string) bool {
		return bindFailed.MatchString(line) && !strings.Contains(strings.ToLower(line), "permission denied")
	})
}
