package zulip

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// prefixes are what may stand before a string's quote, in lower case.
var prefixes = map[string]bool{
	"": true, "u": true, "r": true, "b": true, "br": true, "rb": true, "f": true, "fr": true, "rf": true, "t": true, "tr": true, "rt": true,
}

// stringLiteral reads a string of Python, which begins with the prefix and the quote.
func (l *lexer) stringLiteral(prefix, quote string) (token, error) {
	t := token{kind: stringToken, line: l.line}
	body := l.rest[len(prefix)+len(quote):]
	end := closing(body, quote)
	if end < 0 {
		return t, fmt.Errorf("a string is not closed")
	}
	l.rest = body[end+len(quote):]
	t.text = body[:end]
	l.line += strings.Count(t.text, "\n")
	switch prefix {
	case "", "u":
		t.text, t.plain = unescaped(t.text)
	case "r":
		t.plain = true
	case "b", "br", "rb":
		t.text = ""
	default:
		// Since Python 3.12 the same quotes may be used within braces: where the string ends depends on the version.
		if strings.Count(t.text, "{") != strings.Count(t.text, "}") {
			return t, fmt.Errorf("an f-string has braces that do not match, or quotes in them")
		}
	}
	return t, nil
}

var innerName = regexp.MustCompile(`[\pL_][\pL\pM\pN_]*|:=`)

// inner returns the names in an f-string, since its braces may hold code.
func inner(t token) []token {
	if t.kind != stringToken || t.plain || !strings.Contains(t.text, "{") {
		return nil
	}
	var names []token
	for _, s := range innerName.FindAllString(t.text, -1) {
		kind := nameToken
		if s == ":=" {
			kind = opToken
		}
		names = append(names, token{kind: kind, text: s, line: t.line})
	}
	return names
}

// closing returns where the string ends that the quote closes; -1 if nowhere.
func closing(body, quote string) int {
	for i := 0; i < len(body); i++ {
		switch {
		case strings.HasPrefix(body[i:], quote):
			return i
		case body[i] == '\\':
			i++
		case body[i] == '\n' && len(quote) == 1:
			return -1
		}
	}
	return -1
}

// short are the escapes of one letter.
var short = map[byte]string{
	'\n': "", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

// unescaped returns the value of a string; "" and false if it cannot be told, as of names of characters.
func unescaped(body string) (string, bool) {
	var b strings.Builder
	for {
		i := strings.IndexByte(body, '\\')
		if i < 0 || i+1 == len(body) {
			b.WriteString(body)
			return b.String(), true
		}
		b.WriteString(body[:i])
		c := body[i+1]
		body = body[i+2:]
		s, known := short[c]
		n := 0
		switch {
		case known:
		case c == 'N':
			return "", false
		case c == 'x' || c == 'u' || c == 'U':
			n = map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			if len(body) < n {
				return "", false
			}
			r, err := strconv.ParseUint(body[:n], 16, 32)
			if err != nil || r > utf8.MaxRune || !utf8.ValidRune(rune(r)) {
				return "", false
			}
			s = string(rune(r))
		case '0' <= c && c <= '7':
			for n < 2 && n < len(body) && '0' <= body[n] && body[n] <= '7' {
				n++
			}
			r, err := strconv.ParseUint(string(c)+body[:n], 8, 32)
			if err != nil {
				return "", false
			}
			s = string(rune(r))
		default:
			s = `\` + string([]byte{c}) // as it stands; what follows of a longer character is copied with the rest
		}
		b.WriteString(s)
		body = body[n:]
	}
}
