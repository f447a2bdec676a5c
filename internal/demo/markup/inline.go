package markup

import (
	"fmt"
	"html"
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// inline renders the text of a line, and returns the addresses of pictures that it links to.
func (r *renderer) inline(s string) (pictures []string) {
	before := ' ' // the letter before the rest
	for s != "" {
		used, out, picture := r.token(s, before)
		if used == 0 {
			var size int
			before, size = utf8.DecodeRuneInString(s)
			r.write(escape(s[:size]))
			s = s[size:]
			continue
		}
		r.write(out)
		if picture != "" {
			pictures = append(pictures, picture)
		}
		before, _ = utf8.DecodeLastRuneInString(s[:used])
		s = s[used:]
	}
	return pictures
}

// token renders what s begins with if it is anything but plain text, and returns how long that is.
func (r *renderer) token(s string, before rune) (used int, out, picture string) {
	inner := func(open, end string) (string, int) { return between(s, open, end) }
	switch s[0] {
	case '`':
		if text, n := inner("`", "`"); n > 0 {
			return n, "<code>" + escape(text) + "</code>", ""
		}
	case '$':
		if text, n := inner("$$", "$$"); n > 0 {
			return n, formula(text), ""
		}
	case '*':
		if text, n := inner("**", "**"); n > 0 {
			return n, "<strong>" + r.nested(text) + "</strong>", ""
		}
		if text, n := inner("*", "*"); n > 0 && !strings.HasPrefix(text, " ") {
			return n, "<em>" + r.nested(text) + "</em>", ""
		}
	case '@', '#':
		used, out = r.named(s, before)
	case ':':
		if name, n := inner(":", ":"); n > 0 {
			return r.emoji(name, n)
		}
	case '[':
		return r.link(s)
	case 'h':
		used, out = bareLink(s, before)
	}
	return used, out, ""
}

// escape writes a text so that nothing in it is a tag. It is for between tags, not for within.
func escape(s string) string {
	if !strings.ContainsAny(s, "&<>") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(s, "&", "&amp;"), "<", "&lt;"), ">", "&gt;")
}

// between returns what is between two marks at the beginning of s, and how long it is with them; 0 if it is not there.
func between(s, open, end string) (string, int) {
	rest, ok := strings.CutPrefix(s, open)
	if !ok {
		return "", 0
	}
	text, _, ok := strings.Cut(rest, end)
	if !ok || text == "" {
		return "", 0
	}
	return text, len(open) + len(text) + len(end)
}

// nested renders a text within another one.
func (r *renderer) nested(s string) string {
	in := &renderer{names: r.names}
	in.inline(s)
	return in.b.String()
}

// named renders mentions of people, groups, channels and issues.
func (r *renderer) named(s string, before rune) (int, string) {
	if name, n := between(s, "@**", "**"); n > 0 {
		if name == "all" || name == "everyone" {
			return n, `<span class="user-mention channel-wildcard-mention" data-user-id="*">@` + name + `</span>`
		}
		if id, ok := r.names.User(name); ok {
			return n, fmt.Sprintf(`<span class="user-mention" data-user-id="%d">@%s</span>`, id, escape(name))
		}
	}
	if name, n := between(s, "@_**", "**"); n > 0 {
		if id, ok := r.names.User(name); ok {
			return n, fmt.Sprintf(`<span class="user-mention silent" data-user-id="%d">%s</span>`, id, escape(name))
		}
	}
	if name, n := between(s, "@*", "*"); n > 0 {
		if id, ok := r.names.Group(name); ok {
			return n, fmt.Sprintf(`<span class="user-group-mention" data-user-group-id="%d">@%s</span>`, id, escape(name))
		}
	}
	if name, n := between(s, "#**", "**"); n > 0 {
		if id, ok := r.names.Channel(name); ok {
			return n, fmt.Sprintf(`<a class="stream" data-stream-id="%d" href="/#narrow/channel/%[1]d-%[2]s">#%[3]s</a>`, id, url.PathEscape(name), escape(name))
		}
	}
	digits := strings.IndexFunc(s[1:]+" ", func(c rune) bool { return c < '0' || c > '9' })
	if s[0] == '#' && digits > 0 && !unicode.IsLetter(before) {
		number := s[1 : 1+digits]
		return 1 + digits, fmt.Sprintf(`<a href="%s">#%s</a>`, html.EscapeString(r.names.Issue(number)), number)
	}
	return 0, ""
}

func (r *renderer) emoji(name string, n int) (int, string, string) {
	code, picture, ok := r.names.Emoji(name)
	if !ok {
		return 0, "", ""
	}
	title := html.EscapeString(strings.ReplaceAll(name, "_", " "))
	if picture != "" {
		return n, fmt.Sprintf(`<img alt=":%s:" class="emoji" src="%s" title="%s">`, html.EscapeString(name), html.EscapeString(picture), title), ""
	}
	return n, fmt.Sprintf(`<span aria-label="%s" class="emoji emoji-%s" role="img" title="%[1]s">:%[3]s:</span>`, title, code, html.EscapeString(name)), ""
}

// link renders [text](address). Only addresses of the web and of the server itself become links.
func (r *renderer) link(s string) (used int, out, picture string) {
	text, n := between(s, "[", "](")
	if n == 0 || strings.ContainsAny(text, "[\n") {
		return 0, "", ""
	}
	address, _, ok := strings.Cut(s[n:], ")")
	if !ok || !safe(address) {
		return 0, "", ""
	}
	if uploaded(address) && strings.EqualFold(path.Ext(address), ".png") {
		picture = address
	}
	return n + len(address) + 1, fmt.Sprintf(`<a href="%s">%s</a>`, html.EscapeString(address), r.nested(text)), picture
}

func uploaded(address string) bool { return strings.HasPrefix(address, "/user_uploads/") }

func safe(address string) bool {
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") || uploaded(address)
}

// bareLink renders an address that stands for itself.
func bareLink(s string, before rune) (int, string) {
	if !safe(s) || unicode.IsLetter(before) {
		return 0, ""
	}
	n := strings.IndexAny(s+" ", " \t<>\"'")
	address := strings.TrimRight(s[:n], ".,;:!?)")
	a := html.EscapeString(address)
	return len(address), fmt.Sprintf(`<a href="%s">%s</a>`, a, a)
}
