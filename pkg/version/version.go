// Package version says which build this is. All programs of one build answer
// the same, so that a client and a daemon of different ones can tell.
package version

import "runtime/debug"

// Version is the release, or "devel" with the commit it was built from. A
// release build sets it: -ldflags '-X systemg.org/sysg/pkg/version.Version=1.2.3'.
var Version = fromBuild()

func fromBuild() string {
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
