package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mostFile is the largest configuration file, or file with a secret.
const mostFile = 1 << 20

// given is a value as somebody gave it.
type given struct {
	text  string
	where string
}

// readFile takes the values from a configuration file.
func (l *loader) readFile(content []byte, name string) map[string]given {
	if len(content) > mostFile {
		l.problem(Problem{Where: name, Rule: fmt.Sprintf("is larger than %d KiB", mostFile>>10)})
		return nil
	}
	r := fileReader{loader: l, name: name, values: map[string]given{}}
	d := yaml.NewDecoder(bytes.NewReader(content))
	var document, more yaml.Node
	switch err := d.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		l.problem(notYAML(err, name))
		return nil
	}
	if err := d.Decode(&more); err == nil {
		l.problem(Problem{Where: r.at(&more), Rule: "a second document begins: a configuration is a single one"})
	} else if !errors.Is(err, io.EOF) {
		l.problem(notYAML(err, name))
	}
	for _, top := range document.Content {
		if !isNull(top) {
			r.section(top, "")
		}
	}
	return r.values
}

// notYAML says that a file is not YAML. Of the library's message only the line is kept: it may repeat parts of a secret.
func notYAML(err error, name string) Problem {
	p := Problem{Where: name, Rule: "is not YAML: look for missing quotes, colons and wrong indentation"}
	if m := lineNumber.FindStringSubmatch(err.Error()); m != nil {
		p.Where += ":" + m[1]
	}
	return p
}

var lineNumber = regexp.MustCompile(`line (\d+)`)

// fileReader walks through a file.
type fileReader struct {
	*loader
	name   string
	values map[string]given
}

func (r *fileReader) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", r.name, n.Line) }

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// section reads a mapping of keys that are below prefix, such as "policy.".
func (r *fileReader) section(n *yaml.Node, prefix string) {
	name := strings.TrimSuffix(prefix, ".")
	if n.Kind != yaml.MappingNode {
		r.problem(Problem{Key: name, Where: r.at(n), Rule: "must be a mapping of keys to values"})
		return
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			r.problem(Problem{Key: name, Where: r.at(key), Rule: "has a key that is not a text"})
			continue
		}
		full := prefix + key.Value
		if first, ok := lines[key.Value]; ok {
			r.problem(Problem{Key: full, Where: r.at(key), Rule: fmt.Sprintf("is given twice, first in line %d", first)})
			continue
		}
		lines[key.Value] = key.Line
		s, known := r.byKey[full]
		switch {
		case known && !strings.Contains(key.Value, "."):
			r.value(s, value)
		case prefix == "" && r.sections[key.Value] && isNull(value):
		case prefix == "" && r.sections[key.Value]:
			r.section(value, key.Value+".")
		case looksSecret.MatchString(full):
			r.problem(Problem{Key: hidden, Where: r.at(key), Rule: "is not a setting"})
		default:
			r.problem(Problem{Key: full, Where: r.at(key), Rule: r.unknown(full)})
		}
	}
}

// value takes a setting's value. Without one, as in "source:", the setting is as if it were not there.
func (r *fileReader) value(s setting, n *yaml.Node) {
	if isNull(n) {
		return
	}
	text, ok := asText(s.shape, n)
	if !ok {
		must := map[shape]string{scalar: "one value", sequence: "a list of values", mapping: "a mapping of names to values"}[s.shape]
		r.problem(Problem{Key: s.Key, Where: r.at(n), Rule: "must be " + must + ", written out, without tags, anchors and commas in it"})
		r.bad[s.Key] = true
		return
	}
	r.values[s.Key] = given{text, r.at(n)}
}

// asText writes a value as a single text.
func asText(as shape, n *yaml.Node) (string, bool) {
	parts := []string{}
	for _, child := range n.Content {
		if !plain(child) || n.Kind != yaml.ScalarNode && strings.ContainsAny(child.Value, ",=") {
			return "", false
		}
		parts = append(parts, child.Value)
	}
	switch {
	case n.Style&yaml.TaggedStyle != 0 || n.Anchor != "":
		return "", false
	case n.Kind == yaml.ScalarNode:
		return n.Value, true
	case n.Kind == yaml.SequenceNode && as == sequence:
		for _, p := range parts {
			if strings.TrimSpace(p) == "" {
				return "", false
			}
		}
		return strings.Join(parts, ","), true
	case n.Kind == yaml.MappingNode && as == mapping:
		var pairs []string
		for i := 0; i+1 < len(parts); i += 2 {
			pairs = append(pairs, parts[i]+"="+parts[i+1])
		}
		return strings.Join(pairs, ","), true
	default:
		return "", false
	}
}

func plain(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style&yaml.TaggedStyle == 0 && n.Anchor == "" && !isNull(n)
}
