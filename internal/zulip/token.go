package zulip

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind says what a token of Python is.
type tokenKind uint8

const (
	nameToken tokenKind = iota + 1
	numberToken
	stringToken
	opToken
)

// token is a word of a Python file. Of a string, text is the value; plain is false if only Python can tell it, as of an f-string,
// whose text is then as it stands.
type token struct {
	kind  tokenKind
	text  string
	plain bool
	line  int
}

func (t token) is(op string) bool { return t.kind == opToken && t.text == op }

// statement is a statement of a Python file. nested tells whether it is within another one, so that
// it may run never, later, or often.
type statement struct {
	tokens []token
	nested bool
}

// Bounds of a file of settings.
const (
	mostPython = 1 << 20
	mostDepth  = 64
)

// statements splits a Python file into its statements. It fails where Python would refuse the file, and does not notice
// everything that Python refuses.
func statements(text []byte) ([]statement, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	switch {
	case len(text) > mostPython:
		return nil, fmt.Errorf("it has more than %d KiB", mostPython>>10)
	case !utf8.Valid(text) || !unicodeCoding(text):
		return nil, fmt.Errorf("its text is not UTF-8")
	case bytes.IndexByte(text, 0) >= 0:
		return nil, fmt.Errorf("it holds a zero byte")
	}
	newlines := strings.NewReplacer("\r\n", "\n", "\r", "\n")
	l := &lexer{rest: newlines.Replace(string(text)), line: 1}
	for l.rest != "" {
		if err := l.logicalLine(); err != nil {
			return nil, fmt.Errorf("line %d: %w", l.line, err)
		}
	}
	return l.found, nil
}

var codingLine = regexp.MustCompile(`^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)`)

// unicodeCoding tells whether a file's first two lines declare no other coding than UTF-8.
func unicodeCoding(text []byte) bool {
	for i, line := range bytes.SplitN(text, []byte("\n"), 3) {
		if m := codingLine.FindSubmatch(line); i < 2 && m != nil {
			return strings.EqualFold(string(m[1]), "utf-8") || strings.EqualFold(string(m[1]), "utf8")
		}
	}
	return true
}

// lexer cuts what is left of a file.
type lexer struct {
	rest  string
	line  int
	found []statement
}

// compound are the words that begin a statement with others in it.
var compound = map[string]bool{
	"if": true, "elif": true, "else": true, "for": true, "while": true, "with": true, "try": true, "except": true,
	"finally": true, "def": true, "class": true, "async": true,
}

// logicalLine reads the statements up to a line end outside of brackets.
func (l *lexer) logicalLine() error {
	indent := len(l.rest)
	l.rest = strings.TrimLeft(l.rest, " \t\f")
	nested := len(l.rest) < indent
	var tokens []token
	add := func() {
		if len(tokens) > 0 {
			l.found = append(l.found, statement{tokens, nested})
		}
		tokens = nil
	}
	depth := 0
	for l.rest != "" {
		switch c := l.rest[0]; {
		case c == '\n':
			l.line++
			l.rest = l.rest[1:]
			if depth == 0 {
				add()
				return nil
			}
		case c == ' ' || c == '\t' || c == '\f':
			l.rest = l.rest[1:]
		case c == '#':
			l.rest = l.rest[lineEnd(l.rest):]
		case strings.HasPrefix(l.rest, "\\\n"):
			l.line++
			l.rest = l.rest[2:]
		case c == ';' && depth == 0:
			l.rest = l.rest[1:]
			add()
		default:
			t, err := l.token()
			if err != nil {
				return err
			}
			if depth += nesting(t); depth < 0 || depth > mostDepth {
				return fmt.Errorf("brackets do not match, or are nested too deep")
			}
			nested = nested || len(tokens) == 0 && t.kind == nameToken && compound[t.text]
			tokens = append(append(tokens, t), inner(t)...)
		}
	}
	if depth > 0 {
		return fmt.Errorf("a bracket is not closed before the end of the file")
	}
	add()
	return nil
}

// nesting is by how much a token changes the depth of brackets.
func nesting(t token) int {
	switch {
	case t.is("("), t.is("["), t.is("{"):
		return 1
	case t.is(")"), t.is("]"), t.is("}"):
		return -1
	default:
		return 0
	}
}

// lineEnd returns where the line ends.
func lineEnd(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

var (
	stringStart = regexp.MustCompile(`^([A-Za-z]{0,2})("""|'''|"|')`)
	numberText  = regexp.MustCompile(`^(?:\d|\.\d)(?:[eE][+-]|[\w.])*`)
	operator    = regexp.MustCompile(`^(?:\*\*=?|//=?|>>=?|<<=?|[-+*/%@&|^:=!<>]=|->|[-+*/%@&|^~:=<>()\[\]{},.;])`)
)

// token reads a token.
func (l *lexer) token() (token, error) {
	if m := stringStart.FindStringSubmatch(l.rest); m != nil && prefixes[strings.ToLower(m[1])] {
		return l.stringLiteral(strings.ToLower(m[1]), m[2])
	}
	t := token{line: l.line}
	if n := nameLength(l.rest); n > 0 {
		t.kind, t.text = nameToken, l.rest[:n]
	} else if s := numberText.FindString(l.rest); s != "" {
		t.kind, t.text = numberToken, s
	} else if s := operator.FindString(l.rest); s != "" {
		t.kind, t.text = opToken, s
	} else {
		return t, fmt.Errorf("unexpected character %q", []rune(l.rest)[0])
	}
	l.rest = l.rest[len(t.text):]
	return t, nil
}

// nameLength returns how long the name is that s begins with, 0 if it does not.
func nameLength(s string) int {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r) && !unicode.IsMark(r)) {
			return i
		}
	}
	return len(s)
}
