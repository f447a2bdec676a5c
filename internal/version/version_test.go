package version

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for _, tt := range []struct{ name, version, revision, want string }{
		{"release", "v1.2.3", "", "v1.2.3 go1.26"},
		{"release with commit", "v1.2.3", commit, "v1.2.3 (0123456789ab) go1.26"},
		{"between releases", "v1.2.4-0.20260102030405-0123456789ab", commit, "v1.2.4-0.20260102030405-0123456789ab go1.26"},
		{"development", "(devel)", "", "(devel) go1.26"},
		{"without module", "", "", "(devel) go1.26"},
		{"short revision", "(devel)", "0123", "(devel) go1.26"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			info := &debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Version: tt.version}}
			if tt.revision != "" {
				info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: tt.revision}}
			}
			if got := describe(info); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	if got := String(); !strings.Contains(got, "go1.") || strings.Contains(got, "\n") {
		t.Errorf("got %q, want one line with the version of Go", got)
	}
}
