package config

import "strings"

// Setting describes a setting.
type Setting struct {
	Key     string // as in a file, with its section: policy.max_messages
	Env     string // REALMPORT_POLICY_MAX_MESSAGES
	Flag    string // policy-max-messages
	Form    string // what its value is, for help: SIZE, or yes|no
	Default string // as in a file; "" for none
	// Reference is the default of the profile zulip, where it is another one.
	Reference string
	// Otherwise says what holds without a Default, if not nothing.
	Otherwise string
	Secret    bool
	Help      string // a sentence or several
}

// setting is a Setting with what it does.
type setting struct {
	Setting
	shape shape
	// secretOf is the key whose value is in the file that this setting names; "" for others, which have set and get.
	secretOf string
	set      func(*Config, string) (rule string)
	get      func(*Config) string
}

// shape is how a file may write a value, besides as one text.
type shape uint8

const (
	scalar shape = iota
	sequence
	mapping
)

// codec turns texts into values and back.
type codec[T any] struct {
	form   string // as Setting.Form
	rule   string // what the text must be
	shape  shape
	parse  func(string) (T, bool)
	format func(T) string
}

// bind makes a setting that keeps its value in a field. Env, Flag and Form follow from the key and the codec.
func bind[T any](s Setting, c codec[T], field func(*Config) *T) setting {
	s.Form = c.form
	return setting{
		Setting: named(s),
		shape:   c.shape,
		set: func(to *Config, text string) string {
			v, ok := c.parse(text)
			if !ok {
				return "must be " + c.rule
			}
			*field(to) = v
			return ""
		},
		get: func(from *Config) string {
			text := c.format(*field(from))
			if s.Secret && text != "" {
				return hidden
			}
			return text
		},
	}
}

// fileFor makes the setting that names a file with the value of the setting key, a secret.
func fileFor(key, help string) setting {
	return setting{Setting: named(Setting{Key: key + "_file", Form: "FILE", Help: help}), secretOf: key}
}

func named(s Setting) Setting {
	s.Env = "REALMPORT_" + strings.ToUpper(strings.ReplaceAll(s.Key, ".", "_"))
	s.Flag = strings.NewReplacer(".", "-", "_", "-").Replace(s.Key)
	return s
}

// Describe lists all settings, sections after what is in none.
func Describe() []Setting {
	var all []Setting
	for _, s := range table() {
		all = append(all, s.Setting)
	}
	return all
}
