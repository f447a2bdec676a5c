// Package version tells which realmport this is.
package version

import (
	"runtime/debug"
	"strings"
)

// String returns the version of the module, as the build recorded it, with the commit where it is known.
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return describe(info)
}

func describe(info *debug.BuildInfo) string {
	const short = 12 // digits of a commit, as in the versions that the go command makes up
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) > short && !strings.Contains(v, s.Value[:short]) {
			v += " (" + s.Value[:short] + ")"
		}
	}
	return v + " " + info.GoVersion
}
