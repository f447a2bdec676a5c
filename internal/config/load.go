package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/realmport/realmport"
)

// Sources is what a configuration is read from. Everything may be left out.
type Sources struct {
	File     []byte // the configuration file's content
	FileName string // its name, for messages
	// Env looks up an environment variable. An empty one counts as not there.
	Env func(string) string
	// Names are the names of the variables there are, so that misspelt ones are noticed.
	Names []string
	// Flags are values by key (policy.max_messages).
	Flags map[string]string
}

// Load reads a configuration, and the files that it names: secrets, and those of a Zulip server. If anything is wrong it returns a
// realmport.Error with all problems in its message, and Problems as its cause.
func Load(from Sources) (*Config, error) {
	l := &loader{settings: table(), byKey: map[string]setting{}, sections: map[string]bool{}, chosen: map[string]given{}, bad: map[string]bool{}}
	for _, s := range l.settings {
		l.byKey[s.Key] = s
		if section, _, ok := strings.Cut(s.Key, "."); ok {
			l.sections[section] = true
		}
	}
	if from.FileName == "" {
		from.FileName = "configuration file"
	}
	l.choose(l.readFile(from.File, from.FileName))
	l.choose(l.readEnv(from.Env, from.Names))
	l.choose(l.readFlags(from.Flags))
	l.readSecretFiles()

	c := &Config{origin: map[string]string{}}
	l.apply(c, "profile", "zulip.settings", "zulip.secrets", "zulip.deployment", "zulip.migration_status")
	l.readZulip(c)
	l.apply(c, l.keys()...)
	l.derive(c)
	l.check(c)
	if err := l.err(); err != nil {
		return nil, err
	}
	c.warn()
	return c, nil
}

// loader collects values and problems.
type loader struct {
	settings []setting
	byKey    map[string]setting
	sections map[string]bool
	chosen   map[string]given
	problems Problems
	bad      map[string]bool // keys with a problem
}

func (l *loader) problem(p Problem) { l.problems = append(l.problems, p) }

// err returns the problems, in the order of the table; nil if there are none.
func (l *loader) err() error {
	order := map[string]int{}
	for i, s := range l.settings {
		order[s.Key] = i
	}
	slices.SortStableFunc(l.problems, func(a, b Problem) int { return order[a.Key] - order[b.Key] })
	return problemsError("the configuration has ", l.problems)
}

func problemsError(prefix string, p Problems) error {
	if len(p) == 0 {
		return nil
	}
	message := p.Error()
	if len(p) > 1 {
		message = prefix + message
	}
	return &realmport.Error{Code: realmport.Invalid, Message: message, Err: p}
}

// choose takes values in place of those that were chosen before. A secret and the file that holds it are one setting.
func (l *loader) choose(values map[string]given) {
	for _, s := range l.settings {
		if s.secretOf == "" {
			continue
		}
		direct, isDirect := values[s.secretOf]
		file, isFile := values[s.Key]
		if isDirect && isFile {
			l.problem(Problem{Key: s.Key, Value: s.shown(file.text), Where: file.where, Rule: "is given together with " + s.secretOf + " (" + direct.where + "): leave one out"})
			l.bad[s.secretOf] = true
		}
		if isDirect || isFile {
			delete(l.chosen, s.secretOf)
			delete(l.chosen, s.Key)
		}
	}
	maps.Copy(l.chosen, values)
}

func (l *loader) readEnv(env func(string) string, names []string) map[string]given {
	values := map[string]given{}
	var known []string
	for _, s := range l.settings {
		known = append(known, s.Env)
		if env == nil {
			continue
		}
		if text := env(s.Env); text != "" {
			values[s.Key] = given{text, s.Env}
		}
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		if !strings.HasPrefix(name, "REALMPORT_") || slices.Contains(known, name) {
			continue
		}
		// Others may have variables of that prefix too: only what is much like a setting is a mistake.
		if s := nearest(name, known); s != "" && distance(name, s) <= 2 {
			l.problem(Problem{Where: name, Rule: "is not a setting: did you mean " + s + "?"})
		}
	}
	return values
}

func (l *loader) readFlags(flags map[string]string) map[string]given {
	values := map[string]given{}
	for _, key := range slices.Sorted(maps.Keys(flags)) {
		if s, ok := l.byKey[key]; ok {
			values[key] = given{flags[key], "--" + s.Flag}
		} else {
			l.problem(Problem{Key: key, Where: "flag", Rule: l.unknown(key)})
		}
	}
	return values
}

// readSecretFiles puts the contents of secret files in the place of their names.
func (l *loader) readSecretFiles() {
	for _, s := range l.settings {
		g, ok := l.chosen[s.Key]
		if s.secretOf == "" || !ok || g.text == "" {
			continue
		}
		text, rule := readSecret(g.text)
		if rule != "" {
			l.problem(Problem{Key: s.Key, Value: s.shown(g.text), Where: g.where, Rule: rule})
			l.bad[s.secretOf] = true
			continue
		}
		l.chosen[s.secretOf] = given{text, g.where + ": " + g.text}
	}
}

// apply sets fields to what was chosen for the keys, or to the defaults.
func (l *loader) apply(c *Config, keys ...string) {
	for _, key := range keys {
		s := l.byKey[key]
		if s.secretOf != "" || l.bad[key] {
			continue
		}
		g, ok := l.chosen[key]
		if !ok {
			g.text = s.Default
			if c.Profile == Reference && s.Reference != "" {
				g.text = s.Reference
			}
			if g.text == "" {
				continue
			}
		}
		if rule := s.set(c, g.text); rule != "" {
			l.problem(Problem{Key: key, Value: s.shown(g.text), Where: g.where, Rule: rule})
			l.bad[key] = true
		}
		if g.where != "" {
			c.origin[key] = g.where
		}
	}
}
