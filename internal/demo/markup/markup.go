// Package markup renders what the people of the demo organization write as HTML: the part of Zulip's Markdown that they use, in about
// the HTML that a Zulip server stores. It is no Markdown processor.
package markup

import (
	"html"
	"strconv"
	"strings"
)

// Names tells what the names in a text stand for.
type Names interface {
	// User returns the id of the user with this full name.
	User(name string) (id int64, ok bool)
	// Group returns the id of the user group with this name.
	Group(name string) (id int64, ok bool)
	// Channel returns the id of the channel with this name.
	Channel(name string) (id int64, ok bool)
	// Emoji returns an emoji's code, or the address of its picture if it is one of the organization's own.
	Emoji(name string) (code, picture string, ok bool)
	// Issue returns the address of an issue.
	Issue(number string) string
}

// Render returns the HTML of a text. Whatever the text is, only tags that this package writes itself are in it.
func Render(text string, names Names) string {
	r := &renderer{names: names}
	r.blocks(strings.Split(text, "\n"))
	return strings.TrimSuffix(r.b.String(), "\n")
}

type renderer struct {
	names Names
	b     strings.Builder
	depth int // of quotes
}

// deepest is how many quotes may be in each other.
const deepest = 4

func (r *renderer) write(parts ...string) {
	for _, p := range parts {
		r.b.WriteString(p)
	}
}

// blocks renders whole lines.
func (r *renderer) blocks(lines []string) {
	for len(lines) > 0 {
		lines = lines[r.block(lines):]
	}
}

// block renders the first block and returns how many lines it has, at least one.
func (r *renderer) block(lines []string) int {
	first := lines[0]
	switch {
	case strings.TrimSpace(first) == "":
		return 1
	case strings.HasPrefix(first, "```"):
		return r.fence(lines)
	case strings.HasPrefix(first, "> ") && r.depth < deepest:
		n := run(lines, func(s string) bool { return strings.HasPrefix(s, "> ") })
		inner := make([]string, n)
		for i := range inner {
			inner[i] = lines[i][2:]
		}
		r.quote(inner)
		return n
	case bullet(first):
		n := run(lines, bullet)
		r.list("ul", lines[:n], func(s string) string { return s[2:] })
		return n
	case numbered(first):
		n := run(lines, numbered)
		r.list("ol", lines[:n], func(s string) string { _, item, _ := strings.Cut(s, ". "); return item })
		return n
	case tabular(first) && len(lines) > 1 && strings.HasPrefix(lines[1], "|--"):
		n := run(lines, tabular)
		r.table(lines[:n])
		return n
	default:
		n := 1 + run(lines[1:], func(s string) bool {
			return strings.TrimSpace(s) != "" && !strings.HasPrefix(s, "```") && !strings.HasPrefix(s, "> ") && !bullet(s) && !numbered(s)
		})
		r.paragraph(lines[:n])
		return n
	}
}

// run counts the lines at the beginning for which ok holds.
func run(lines []string, ok func(string) bool) int {
	for i, line := range lines {
		if !ok(line) {
			return i
		}
	}
	return len(lines)
}

func bullet(s string) bool { return strings.HasPrefix(s, "- ") || strings.HasPrefix(s, "* ") }

func numbered(s string) bool {
	n, _, ok := strings.Cut(s, ". ")
	_, err := strconv.ParseUint(n, 10, 16)
	return ok && err == nil
}

func tabular(s string) bool {
	return strings.HasPrefix(s, "|") && strings.HasSuffix(s, "|") && len(s) > 1
}

func (r *renderer) paragraph(lines []string) {
	r.write("<p>")
	var pictures []string
	for i, line := range lines {
		if i > 0 {
			r.write("<br>\n")
		}
		pictures = append(pictures, r.inline(line)...)
	}
	r.write("</p>\n")
	for _, address := range pictures {
		a := html.EscapeString(address)
		r.write(`<div class="message_inline_image"><a href="`, a, `"><img src="`, a, `"></a></div>`, "\n")
	}
}

func (r *renderer) quote(lines []string) {
	r.depth++
	r.write("<blockquote>\n")
	r.blocks(lines)
	r.write("</blockquote>\n")
	r.depth--
}

func (r *renderer) list(tag string, lines []string, item func(string) string) {
	r.write("<", tag, ">\n")
	for _, line := range lines {
		r.write("<li>")
		r.inline(item(line))
		r.write("</li>\n")
	}
	r.write("</", tag, ">\n")
}

func (r *renderer) table(lines []string) {
	row := func(line, cell string) {
		r.write("<tr>\n")
		for text := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			r.write("<", cell, ">")
			r.inline(strings.TrimSpace(text))
			r.write("</", cell, ">\n")
		}
		r.write("</tr>\n")
	}
	r.write("<table>\n<thead>\n")
	row(lines[0], "th")
	r.write("</thead>\n<tbody>\n")
	for _, line := range lines[2:] {
		row(line, "td")
	}
	r.write("</tbody>\n</table>\n")
}

// fence renders what is between lines of three backticks, or all that follows if it does not end.
func (r *renderer) fence(lines []string) int {
	kind := strings.TrimSpace(strings.TrimLeft(lines[0], "`"))
	n := run(lines[1:], func(s string) bool { return strings.TrimRight(s, " ") != "```" })
	inner := lines[1 : 1+n]
	text := strings.Join(inner, "\n")
	switch {
	case kind == "quote" && r.depth < deepest:
		r.quote(inner)
	case kind == "math":
		r.write(`<p><span class="katex-display">`, formula(text), "</span></p>\n")
	case kind == "" || kind == "text":
		r.write(`<div class="codehilite"><pre><span></span><code>`, escape(text), "\n</code></pre></div>\n")
	default:
		r.write(`<div class="codehilite" data-code-language="`, html.EscapeString(kind), `"><pre><span></span><code>`, escape(text), "\n</code></pre></div>\n")
	}
	return min(1+n+1, len(lines))
}

// formula renders TeX without laying it out.
func formula(tex string) string {
	return `<span class="katex"><span class="katex-mathml"><math xmlns="http://www.w3.org/1998/Math/MathML"><semantics><mrow><mtext>` + escape(tex) +
		`</mtext></mrow><annotation encoding="application/x-tex">` + escape(tex) + `</annotation></semantics></math></span></span>`
}
