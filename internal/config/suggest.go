package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// unknown says that there is no such key, and which one may be meant.
func (l *loader) unknown(key string) string {
	if s := nearest(key, l.keys()); s != "" {
		return fmt.Sprintf("is not a setting: did you mean %s?", inFile(s))
	}
	return "is not a setting"
}

// inFile says where in a file a key is.
func inFile(key string) string {
	if section, name, ok := strings.Cut(key, "."); ok {
		return name + " in " + section
	}
	return key
}

func (l *loader) keys() []string {
	var all []string
	for _, s := range l.settings {
		all = append(all, s.Key)
	}
	return all
}

// nearest returns the name that is most like s, "" if none is much like it.
func nearest(s string, names []string) string {
	if len(s) > mostShown {
		return ""
	}
	short := func(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
	far := func(name string) int {
		d := distance(strings.ToLower(s), strings.ToLower(name))
		if short(s) == short(name) { // in the wrong section
			d = min(d, 1)
		}
		return d
	}
	best := slices.MinFunc(names, func(a, b string) int { return cmp.Compare(far(a), far(b)) })
	if far(best) > max(1, len(s)/4) {
		return ""
	}
	return best
}

// distance is how many letters must be added, removed or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d++
			}
			diagonal = row[j+1]
			row[j+1] = min(d, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
