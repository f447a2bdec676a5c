package zulip

import (
	"path/filepath"
	"strings"

	"github.com/realmport/realmport"
)

// Version is which Zulip a server runs.
type Version struct {
	Zulip        string // "11.0"
	MergeBase    string // of a server from Git, the version that it is based on; ""
	FeatureLevel int    // of the API; 0 if it is not told
}

// ReadVersion reads the version of the server's code in its deployment folder, usually /home/zulip/deployments/current: as the
// file zulip-git-version has it, which is there in a deployment from Git, or as version.py does. It runs nothing.
func ReadVersion(folder string) (Version, error) {
	var v Version
	name := filepath.Join(folder, "version.py")
	text, err := readBounded(name, mostPython)
	if err != nil {
		return v, realmport.Errorf(codeOf(err), "%s is not a deployment of a Zulip server, such as "+
			"/home/zulip/deployments/current: %w", folder, err)
	}
	found, err := literals(text, "ZULIP_VERSION", "ZULIP_MERGE_BASE", "API_FEATURE_LEVEL")
	if err != nil {
		return v, realmport.Errorf(realmport.Unsupported, "%s is not a Zulip server's: %w", name, err)
	}
	v.Zulip, _ = first(found["ZULIP_VERSION"]).(string)
	v.MergeBase, _ = first(found["ZULIP_MERGE_BASE"]).(string)
	if level, ok := first(found["API_FEATURE_LEVEL"]).(int64); ok && 0 < level && level < 1<<31 {
		v.FeatureLevel = int(level)
	}
	if git, err := readBounded(filepath.Join(folder, "zulip-git-version"), mostPython); err == nil {
		version, rest, _ := strings.Cut(string(git), "\n")
		base, _, _ := strings.Cut(rest, "\n")
		if version = strings.TrimSpace(version); version != "" {
			v.Zulip, v.MergeBase = version, strings.TrimSpace(base)
		}
	}
	if v.Zulip == "" {
		return v, realmport.Errorf(realmport.Unsupported, "%s has no ZULIP_VERSION: is it a Zulip server's?", name)
	}
	return v, nil
}

// first returns the first value that can be told: what version.py does with it afterwards is to look into zulip-git-version.
func first(events []literal) any {
	for _, e := range events {
		if e.why == "" {
			return e.value
		}
	}
	return nil
}
