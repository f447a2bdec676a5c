package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/realmport/realmport/internal/zulip"
)

// zulipKeys are the keys of a Zulip server's settings.
var zulipKeys = map[string]string{
	"EXTERNAL_HOST":            "external_host",
	"EXTERNAL_URI_SCHEME":      "scheme",
	"ZULIP_ADMINISTRATOR":      "administrator",
	"REALM_HOSTS":              "realm_hosts",
	"ROOT_SUBDOMAIN_ALIASES":   "root_subdomain_aliases",
	"ROOT_DOMAIN_LANDING_PAGE": "root_domain_landing_page",
	"ALLOWED_HOSTS":            "allowed_hosts",
	"LOCAL_UPLOADS_DIR":        "uploads",
	"RATE_LIMITING_RULES":      "rate_limit",
	"S3_AUTH_UPLOADS_BUCKET":   "s3.uploads_bucket",
	"S3_AVATAR_BUCKET":         "s3.avatars_bucket",
	"S3_EXPORT_BUCKET":         "s3.archives_bucket",
	"S3_ENDPOINT_URL":          "s3.endpoint",
	"S3_REGION":                "s3.region",
	"S3_ADDRESSING_STYLE":      "s3.addressing",
}

// readZulip takes what nobody gave from the files of a Zulip server.
func (l *loader) readZulip(c *Config) {
	if name := c.Zulip.Settings; name != "" {
		l.readZulipSettings(name)
	}
	if name := c.Zulip.Secrets; name != "" && !l.isGiven("avatar_salt") {
		salt, err := zulip.AvatarSalt(name)
		if err != nil {
			l.fileProblem("zulip.secrets", err)
		} else {
			l.chosen["avatar_salt"] = given{salt, name}
		}
	}
	if name := c.Zulip.Secrets; name != "" && l.wantsKeys() && !l.bad["zulip.secrets"] {
		access, secret, err := zulip.S3Keys(name)
		if err != nil {
			l.fileProblem("zulip.secrets", err)
		}
		l.otherwise("s3.access_key", given{access, name})
		l.otherwise("s3.secret_key", given{secret, name})
	}
	if name := c.Zulip.Deployment; name != "" {
		v, err := zulip.ReadVersion(name)
		if err != nil {
			l.fileProblem("zulip.deployment", err)
		}
		l.otherwise("zulip_version", given{v.Zulip, name})
		l.otherwise("zulip_merge_base", given{v.MergeBase, name})
		if v.FeatureLevel > 0 {
			l.otherwise("zulip_feature_level", given{fmt.Sprint(v.FeatureLevel), name})
		}
	}
	if name := c.Zulip.MigrationStatus; name != "" {
		s, err := zulip.ReadStatus(name)
		if err != nil {
			l.fileProblem("zulip.migration_status", err)
		}
		l.otherwise("zulip_version", given{s.ZulipVersion, name})
	}
}

func (l *loader) readZulipSettings(name string) {
	settings, err := zulip.ReadSettings(name)
	if err != nil {
		l.fileProblem("zulip.settings", err)
		return
	}
	for _, s := range settings {
		key, where := zulipKeys[s.Name], fmt.Sprintf("%s:%d", name, s.Line)
		if l.isGiven(key) || s.Value == "" || !l.counts(key) {
			continue
		}
		text, problem := asSetting(s)
		if problem != "" {
			l.problem(Problem{Key: key, Where: where, Rule: fmt.Sprintf("%s %s; set %s yourself", s.Name, problem, key)})
			l.bad[key] = true
			continue
		}
		l.chosen[key] = given{text, where}
	}
}

// asSetting writes a server's setting as one of realmport's.
func asSetting(s zulip.Setting) (text, problem string) {
	var parts []string
	switch v := s.Value.(type) {
	case string:
		if s.Name == "EXTERNAL_URI_SCHEME" {
			v = strings.TrimSuffix(v, "://")
		}
		return v, s.Problem
	case bool:
		return fmt.Sprint(v), s.Problem
	case []string:
		parts = v
	case map[string]string:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, k+"="+v[k])
		}
	}
	for _, p := range parts {
		if strings.Contains(p, ",") || strings.TrimSpace(p) == "" || strings.Count(p, "=") > 1 {
			return "", "has a value that is not a host"
		}
	}
	return strings.Join(parts, ","), s.Problem
}

// isGiven tells whether somebody gave a value, or tried to.
func (l *loader) isGiven(key string) bool {
	_, ok := l.chosen[key]
	_, inFile := l.chosen[key+"_file"]
	return ok || inFile || l.bad[key]
}

// otherwise takes a value if nobody gave one.
func (l *loader) otherwise(key string, g given) {
	if !l.isGiven(key) && g.text != "" {
		l.chosen[key] = g
	}
}

// fileProblem tells of a server's file that cannot be used.
func (l *loader) fileProblem(key string, err error) {
	g := l.chosen[key]
	l.problem(Problem{Key: key, Where: g.where, Rule: err.Error()})
	l.bad[key] = true
}
