package zulip

import (
	"fmt"
	"strconv"
	"strings"
)

// literal is what can be told of a name's value after a statement of a Python file, without running it.
type literal struct {
	line  int
	value any    // a string, an int64, a bool, nil, []any (also of a tuple) or map[string]any
	why   string // why the value cannot be told; "" if it can
}

// literals follows the wanted names through a Python file, and returns for each what can be told of it after each statement that
// gives it a value, or might. The last entry is what counts.
//
// It believes nothing but assignments of literals at the top level. Whatever else a name occurs in makes its value unknown, but for
// reading a value that cannot change, as in "https://" + EXTERNAL_HOST.
func literals(text []byte, wanted ...string) (map[string][]literal, error) {
	list, err := statements(text)
	if err != nil {
		return nil, err
	}
	f := follower{found: map[string][]literal{}, late: map[string][]literal{}, wanted: map[string]bool{}}
	for _, name := range wanted {
		f.wanted[name] = true
	}
	for _, s := range list {
		f.statement(s)
	}
	for name, events := range f.late {
		f.found[name] = append(f.found[name], events...)
	}
	return f.found, nil
}

type follower struct {
	wanted map[string]bool
	found  map[string][]literal
	late   map[string][]literal // of statements within others: they may run after all the rest
}

// anything are the names by which a program may change every variable.
var anything = map[string]bool{
	"exec": true, "eval": true, "globals": true, "locals": true, "vars": true, "setattr": true, "__dict__": true, "__import__": true,
}

func (f *follower) statement(s statement) {
	f.everything(s)
	if s.nested {
		f.unknown(f.late, s.tokens, "it is in a block")
		return
	}
	parts := assignment(s.tokens)
	targets, value := parts[:len(parts)-1], parts[len(parts)-1]
	if len(targets) == 0 {
		if _, rest := annotated(s.tokens); rest != nil {
			s.tokens = rest
		}
		f.unknown(f.found, s.tokens, "it is used in another statement than an assignment")
		return
	}
	f.read(value)
	if name, annotation := annotated(targets[0]); len(targets) == 1 && name != nil {
		if f.wanted[name.text] {
			l := literal{line: name.line}
			l.value, l.why = literalValue(value)
			f.found[name.text] = append(f.found[name.text], l)
		}
		f.unknown(f.found, annotation, "it is used in an annotation")
		return
	}
	for _, target := range targets {
		f.unknown(f.found, target, "it is assigned together with something else, or only a part of it is")
	}
}

// annotated splits a name from its annotation, as in HOST: str; the name is nil of other expressions.
func annotated(tokens []token) (name *token, annotation []token) {
	switch {
	case len(tokens) == 0 || tokens[0].kind != nameToken:
		return nil, nil
	case len(tokens) == 1:
		return &tokens[0], nil
	case tokens[1].is(":"):
		return &tokens[0], tokens[2:]
	default:
		return nil, nil
	}
}

// everything notes statements that may change any variable.
func (f *follower) everything(s statement) {
	for i, t := range s.tokens {
		star := t.is("*") && i > 0 && s.tokens[i-1].kind == nameToken && s.tokens[i-1].text == "import"
		// Python takes letters of other alphabets for those of ASCII that they look like.
		odd := t.kind == nameToken && strings.ContainsFunc(t.text, func(r rune) bool { return r >= 0x80 })
		if !star && !odd && (t.kind != nameToken || !anything[t.text]) {
			continue
		}
		list := f.found
		if s.nested {
			list = f.late
		}
		for name := range f.wanted {
			list[name] = append(list[name], literal{line: t.line, why: "this line may change any setting"})
		}
	}
}

// unknown notes that wanted names occur in tokens that may change them.
func (f *follower) unknown(list map[string][]literal, tokens []token, why string) {
	for _, t := range tokens {
		if t.kind == nameToken && f.wanted[t.text] {
			list[t.text] = append(list[t.text], literal{line: t.line, why: why})
		}
	}
}

// read notes wanted names in a value that may be changed by that: lists and dictionaries, whose other name may be used from now on.
func (f *follower) read(value []token) {
	for i, t := range value {
		if t.kind != nameToken || !f.wanted[t.text] {
			continue
		}
		assigned := i+1 < len(value) && value[i+1].is(":=")
		changeable := false
		if known := f.found[t.text]; len(known) > 0 {
			switch known[len(known)-1].value.(type) {
			case []any, map[string]any:
				changeable = true
			}
		}
		if assigned || changeable {
			f.unknown(f.found, value[i:i+1], "it is used in the value of another setting, which may change it")
		}
	}
}

// assignment splits tokens at each = outside of brackets.
func assignment(tokens []token) [][]token {
	var parts [][]token
	depth, start := 0, 0
	for i, t := range tokens {
		depth += nesting(t)
		if depth == 0 && t.is("=") {
			parts = append(parts, tokens[start:i])
			start = i + 1
		}
	}
	return append(parts, tokens[start:])
}

// literalValue returns the value of an expression that is a literal, or why it is not.
func literalValue(tokens []token) (value any, why string) {
	p := parser{tokens: tokens}
	value, err := p.value()
	if err == nil && len(p.tokens) > 0 {
		err = p.unexpected()
	}
	if err != nil {
		return nil, err.Error()
	}
	return value, ""
}

// parser reads literals. Its depth is bounded by the lexer.
type parser struct{ tokens []token }

func (p *parser) peek(op string) bool { return len(p.tokens) > 0 && p.tokens[0].is(op) }

func (p *parser) next() token {
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

// unexpected says that what follows is no literal. It does not repeat strings, which may be secret.
func (p *parser) unexpected() error {
	if len(p.tokens) == 0 {
		return fmt.Errorf("its value ends too early")
	}
	if t := p.tokens[0]; t.kind != stringToken {
		return fmt.Errorf("%.40q in its value is more than text, numbers, lists and dictionaries of them", t.text)
	}
	return fmt.Errorf("a string in its value is not plain text")
}

var constants = map[string]any{"True": true, "False": false, "None": nil}

func (p *parser) value() (any, error) {
	if len(p.tokens) == 0 {
		return nil, p.unexpected()
	}
	switch t := p.tokens[0]; {
	case t.kind == stringToken:
		var s strings.Builder
		for len(p.tokens) > 0 && p.tokens[0].kind == stringToken {
			if !p.tokens[0].plain {
				return nil, p.unexpected()
			}
			s.WriteString(p.next().text)
		}
		return s.String(), nil
	case t.kind == numberToken || t.is("-"):
		return p.number()
	case t.is("["):
		p.next()
		list, _, err := p.list("]")
		return list, err
	case t.is("("):
		p.next()
		list, comma, err := p.list(")")
		if err == nil && len(list) == 1 && !comma {
			return list[0], nil
		}
		return list, err
	case t.is("{"):
		p.next()
		return p.dictionary()
	default:
		v, ok := constants[t.text]
		if t.kind != nameToken || !ok {
			return nil, p.unexpected()
		}
		p.next()
		return v, nil
	}
}

func (p *parser) number() (any, error) {
	sign := ""
	if p.peek("-") {
		sign = p.next().text
	}
	if len(p.tokens) == 0 || p.tokens[0].kind != numberToken {
		return nil, p.unexpected()
	}
	text := p.tokens[0].text
	n, err := strconv.ParseInt(sign+text, 0, 64)
	if err != nil || len(text) > 1 && text[0] == '0' && '0' <= text[1] && text[1] <= '9' { // Python has no 010
		return nil, p.unexpected()
	}
	p.next()
	return n, nil
}

// list reads values up to the closing bracket; comma tells whether one stood before it.
func (p *parser) list(closing string) (list []any, comma bool, err error) {
	list = []any{}
	for !p.peek(closing) {
		if len(list) > 0 && !comma {
			return nil, false, p.unexpected()
		}
		v, err := p.value()
		if err != nil {
			return nil, false, err
		}
		list = append(list, v)
		if comma = p.peek(","); comma {
			p.next()
		}
	}
	p.next()
	return list, comma, nil
}

func (p *parser) dictionary() (any, error) {
	m := map[string]any{}
	for comma := true; !p.peek("}"); {
		if !comma {
			return nil, p.unexpected()
		}
		key, err := p.value()
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok || !p.peek(":") {
			return nil, fmt.Errorf("its dictionary has keys that are not text")
		}
		p.next()
		if m[name], err = p.value(); err != nil {
			return nil, err
		}
		if comma = p.peek(","); comma {
			p.next()
		}
	}
	p.next()
	return m, nil
}
