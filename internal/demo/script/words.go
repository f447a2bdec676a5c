package script

import (
	"cmp"
	"hash/fnv"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words are what the gaps of small talk are filled with, by name.
type Words map[string][]string

// deepest is how far words may have gaps themselves.
const deepest = 4

// Fill fills the gaps of a text: {word} with one of the list of that name, {word2} with one of the list word again (unless there is a
// list word2), {3-20} with a number of that range. Words may have several parts with => between them: {word} is the first, {word.2} the
// second part of the same. The first letter becomes a capital where a sentence begins, and where the gap's name ends with an exclamation
// mark. given has what the caller knows, such as the people's names.
//
// The same gap is filled in the same way wherever the seed is the same, so that a conversation keeps to its subject. What cannot be filled stays.
func (w Words) Fill(text string, seed uint64, given map[string]string) string {
	return w.fill(text, seed, given, deepest)
}

// fill fills the gaps of a text, or of a word in it where depth is less than deepest.
func (w Words) fill(text string, seed uint64, given map[string]string, depth int) string {
	if depth == 0 || !strings.Contains(text, "{") {
		return text
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		gap, after, closed := strings.Cut(rest, "}")
		name, capital := strings.CutSuffix(gap, "!")
		value, known := w.value(name, seed, given)
		if !closed || !known {
			b.WriteByte('{')
			text = rest
			continue
		}
		value = w.fill(value, seed, given, depth-1)
		if capital || begins(b.String()) && (b.Len() > 0 || depth == deepest) {
			first, size := utf8.DecodeRuneInString(value)
			value = string(unicode.ToUpper(first)) + value[size:]
		}
		b.WriteString(value)
		text = after
	}
}

// value returns what fills a gap.
func (w Words) value(name string, seed uint64, given map[string]string) (string, bool) {
	if v, ok := given[name]; ok {
		return v, true
	}
	name, part, _ := strings.Cut(name, ".")
	list, ok := w[name]
	if !ok {
		list, ok = w[strings.TrimRight(name, "23")]
	}
	h := choice(name, seed)
	if ok {
		parts := strings.Split(list[h%uint64(len(list))], " => ")
		n, err := strconv.Atoi(cmp.Or(part, "1"))
		if err != nil || n < 1 || n > len(parts) {
			return "", false
		}
		return parts[n-1], true
	}
	return number(name, h)
}

// number returns a number of a range.
func number(name string, h uint64) (string, bool) {
	from, to, ok := strings.Cut(name, "-")
	if !ok {
		return "", false
	}
	low, err := strconv.ParseUint(from, 10, 16)
	if err != nil {
		return "", false
	}
	high, err := strconv.ParseUint(to, 10, 16)
	if err != nil || high < low {
		return "", false
	}
	return strconv.FormatUint(low+h%(high-low+1), 10), true
}

// begins tells whether what follows a text begins a sentence.
func begins(text string) bool {
	if text == "" || strings.HasSuffix(text, "\n") {
		return true
	}
	text, spaced := strings.CutSuffix(text, " ")
	return spaced && strings.HasSuffix(strings.TrimRight(text, "*_"), ".") || spaced && strings.ContainsAny(text[max(0, len(text)-1):], "!?")
}

// choice makes a number of a name and a seed.
func choice(name string, seed uint64) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	x := h.Sum64() ^ seed
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
