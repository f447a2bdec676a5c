package demo

import "strings"

// vocabulary returns the words of the generated texts. The first are the most frequent.
func vocabulary() [64]string {
	return [...]string{
		"the", "to", "a", "is", "of", "and", "in", "we", "it", "that", "for", "on", "this", "with", "can", "be",
		"not", "have", "you", "message", "export", "from", "but", "server", "if", "all", "when", "channel", "file", "would", "after", "again",
		"release", "test", "please", "table", "index", "version", "question", "tomorrow", "snapshot", "archive", "memory", "backup", "deploy", "review",
		"database", "migration", "meeting", "café", "naïve", "größe", "данные", "数据", "🎉", "👍", "`code`", "**important**", "http", "schedule",
		"consent", "organization", "attachment", "consistency",
	}
}

// word returns a word by number, any number.
func word(n int) string {
	v := vocabulary()
	return v[uint(n)%uint(len(v))]
}

// sentence returns words of about that many bytes in all, the same for the same seed. A few words
// make most of it, as in any language.
func sentence(seed uint64, bytes int) string {
	v := vocabulary()
	var b strings.Builder
	b.Grow(bytes + 16)
	for h := scramble(seed); b.Len() < bytes; h = scramble(h) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		// The product of two even numbers falls off towards the end, about as Zipf's law does.
		b.WriteString(v[h&63*(h>>8&63)/64])
	}
	return b.String()
}

// messageText returns the text of a message: most are short, a few have several paragraphs;
// the average is about 120 bytes.
func messageText(seed uint64) string {
	h := scramble(seed + 1<<60)
	length := 15 + int(h%110)
	if h>>16%12 == 0 {
		length = 250 + int(h>>24%700)
	}
	text := sentence(seed, length)
	if length > 400 {
		half := strings.IndexByte(text[length/2:], ' ') + length/2
		text = text[:half] + "\n\n" + text[half+1:]
	}
	return text
}

// content returns a message as its author wrote it, with a link to an attachment if there is one.
func content(text, path string) string {
	if path != "" {
		text += "\n[file](" + path + ")"
	}
	return text
}

// rendered returns a message as HTML.
func rendered(text, path string) string {
	html := "<p>" + strings.ReplaceAll(text, "\n\n", "</p>\n<p>")
	html = strings.ReplaceAll(html, "`code`", "<code>code</code>")
	html = strings.ReplaceAll(html, "**important**", "<strong>important</strong>")
	if path != "" {
		html += "<br>\n<a href=\"" + path + "\">file</a>"
	}
	return html + "</p>"
}
