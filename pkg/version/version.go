// Package version says which build this is. All programs of one build answer
// the same, so that a client and a daemon of different ones can tell.
package version

import "runtime/debug"

// release is set by a release build, with
// -ldflags '-X systemg.org/sysg/pkg/version.release=1.2.3'. The linker can only
// set a variable that nothing else initialises.
var release string

// Version is the release, or "devel" with the commit it was built from.
var Version = orBuild(release)

func orBuild(release string) string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
			return "devel-" + setting.Value[:12]
		}
	}
	return "devel"
}
