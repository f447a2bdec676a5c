package schema

import (
	"fmt"
	"strings"
)

// token is a word, a quoted name (without its quotes), a number or a sign of the SQL that the shape is written in.
type token struct {
	text   string
	quoted bool
}

// word tells whether a word or number may have the byte.
func word(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// tokens cuts a text. What it does not know, as a string or a dollar quote, is an error.
func tokens(sql string) ([]token, error) {
	var list []token
	for rest := sql; rest != ""; {
		n := 1
		switch c := rest[0]; {
		case c == ' ' || c == '\n' || c == '\t':
		case strings.HasPrefix(rest, "--"):
			n = len(rest) - len(strings.TrimLeftFunc(rest, func(r rune) bool { return r != '\n' }))
		case c == '"':
			n = 2 + wordLength(rest[1:])
			if n == 2 || n > len(rest) || rest[n-1] != '"' {
				return nil, unknown(sql, rest)
			}
			list = append(list, token{text: rest[1 : n-1], quoted: true})
		case word(c):
			n = wordLength(rest)
			list = append(list, token{text: rest[:n]})
		case strings.HasPrefix(rest, "<>"):
			n = 2
			list = append(list, token{text: rest[:n]})
		case strings.IndexByte("(),;&=", c) >= 0:
			list = append(list, token{text: rest[:n]})
		default:
			return nil, unknown(sql, rest)
		}
		rest = rest[n:]
	}
	return list, nil
}

func wordLength(s string) int {
	n := 0
	for n < len(s) && word(s[n]) {
		n++
	}
	return n
}

func unknown(sql, rest string) error {
	line := 1 + strings.Count(sql[:len(sql)-len(rest)], "\n")
	return fmt.Errorf("translate the schema: line %d has an unknown sign: %.20q", line, rest)
}

// reader walks over the tokens. Its methods do nothing after the first error.
type reader struct {
	tokens []token
	at     int
	err    error
}

// peek tells whether the next tokens are those words or signs, unquoted.
func (r *reader) peek(words ...string) bool {
	if r.err != nil || len(r.tokens)-r.at < len(words) {
		return false
	}
	for i, w := range words {
		if t := r.tokens[r.at+i]; t.quoted || t.text != w {
			return false
		}
	}
	return true
}

// accept passes over the words, if they come next.
func (r *reader) accept(words ...string) bool {
	ok := r.peek(words...)
	if ok {
		r.at += len(words)
	}
	return ok
}

// expect passes over the words, which must come next.
func (r *reader) expect(words ...string) {
	if !r.accept(words...) {
		r.fail("want %s", strings.Join(words, " "))
	}
}

// next returns the next token.
func (r *reader) next() token {
	if r.err != nil || r.at == len(r.tokens) {
		r.fail("the text ends early")
		return token{}
	}
	r.at++
	return r.tokens[r.at-1]
}

// name returns the next token, which must be the name of a table or column: quoted, or in lower case.
func (r *reader) name() string {
	t := r.next()
	if !t.quoted && (t.text == "" || t.text[0] < '_' || strings.ToLower(t.text) != t.text) {
		r.fail("want a name before this, got %q", t.text)
	}
	return t.text
}

// names returns a list of names in parentheses.
func (r *reader) names() []string {
	r.expect("(")
	list := []string{r.name()}
	for r.accept(",") {
		list = append(list, r.name())
	}
	r.expect(")")
	return list
}

// fail keeps the first error, with what comes next in the text.
func (r *reader) fail(format string, args ...any) {
	if r.err != nil {
		return
	}
	var rest []string
	for _, t := range r.tokens[r.at:min(r.at+8, len(r.tokens))] {
		rest = append(rest, t.text)
	}
	r.err = fmt.Errorf("translate the schema: %s, at %q", fmt.Sprintf(format, args...), strings.Join(rest, " "))
}
