package script

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTalk(t *testing.T) {
	t.Parallel()
	talk, err := Talk()
	if err != nil {
		t.Fatal(err)
	}
	if len(talk) < 60 {
		t.Errorf("got %d conversations, want at least 60", len(talk))
	}
	seen := map[string]bool{}
	for _, c := range talk {
		if len(c.Places) != 1 || len(c.Lines) > 12 || c.Minute < 6*60 || c.Minute > 21*60 || c.Direct() != (c.Topic == "") || c.Direct() != (c.With != nil) {
			t.Errorf("%v > %s: %d messages, at minute %d, with %v", c.Places, c.Topic, len(c.Lines), c.Minute, c.With)
		}
		for _, l := range c.Lines {
			if len(l.From) < 2 || l.Text == "" || seen[l.Text] && len(l.Text) > 20 {
				t.Errorf("%v > %s: %q is empty or said again", c.Places, c.Topic, l.Text)
			}
			if strings.Count(l.Text, "```")%2 != 0 {
				t.Errorf("%v > %s: %q does not end its code", c.Places, c.Topic, l.Text)
			}
			seen[l.Text] = true
		}
	}
}

// TestSmallTalkCanBeFilled looks for gaps that no word fills, and for words that no gap asks for.
func TestSmallTalkCanBeFilled(t *testing.T) {
	t.Parallel()
	talk, words, err := SmallTalk()
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]string{"a": "A", "b": "B", "c": "C", "month": "May", "version": "0.1", "upcoming": "0.2", "pr": "1", "build": "2", "build2": "3"}
	used := map[string]bool{}
	note := func(text string) {
		for part := range strings.SplitSeq(text, "{") {
			name, _, _ := strings.Cut(part, "}")
			name, _, _ = strings.Cut(strings.TrimSuffix(name, "!"), ".")
			used[name], used[strings.TrimRight(name, "23")] = true, true
		}
	}
	for _, c := range talk {
		if c.From < 6 || c.To <= c.From || c.To > 22 || len(c.Lines) > 12 {
			t.Errorf("%s: hours %d to %d, %d messages", c.Topic, c.From, c.To, len(c.Lines))
		}
		for _, text := range append([]string{c.Topic}, texts(c)...) {
			note(text)
			for seed := range uint64(200) {
				if got := words.Fill(text, seed, given); strings.ContainsAny(got, "{}") {
					t.Fatalf("%q became %q", text, got)
				}
			}
		}
	}
	for name, list := range words {
		for _, word := range list {
			note(word)
			if word != strings.TrimSpace(word) || word == "" {
				t.Errorf("%s: word %q", name, word)
			}
		}
	}
	for name := range words {
		if !used[name] {
			t.Errorf("nothing asks for the words %s", name)
		}
	}
}

func texts(c Conversation) []string {
	var all []string
	for _, l := range c.Lines {
		all = append(all, l.Text)
	}
	return all
}

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := parse(`# comment
== a, b > the topic | fri 10-12
nora: One

  two: three
    four
~ Before
  it
+ tada kofi mei; heart x
-- 1h30m
kofi: Yes
== dm: x, y, z | day 3 09:05
x: -- no pause
-- 2d
y: ok
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []Conversation{
		{Places: []string{"a", "b"}, Topic: "the topic", Friday: true, From: 10, To: 12, Lines: []Line{
			{
				From: "nora", Text: "One\n\ntwo: three\n  four", Was: "Before\nit",
				Reactions: []Reaction{{"tada", []string{"kofi", "mei"}}, {"heart", []string{"x"}}},
			},
			{From: "kofi", Text: "Yes", Pause: 90 * time.Minute},
		}},
		{Places: []string{"group"}, With: []string{"x", "y", "z"}, Day: 3, Minute: 545, Lines: []Line{
			{From: "x", Text: "-- no pause"}, {From: "y", Text: "ok", Pause: 48 * time.Hour},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"nora: early":                      "before the first conversation",
		"== a > b | day 1 10:00\n  early":  "before the first message",
		"== a > b | day 1 10:00":           "no messages",
		"== a > b":                         "does not say when",
		"== a > b | day x":                 "not a day",
		"== a > b | soon":                  "not hours",
		"== a > b | 1-2\nx: y\n+ tada":     "not an emoji",
		"== a > b | 1-2\nx: y\nWhat":       "nothing that is known",
		"== a > b | 1-2\nx: y\n-- forever": "invalid duration",
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", text, err, want)
		}
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	words := Words{"fruit": {"apple", "pear", "fig"}, "meal": {"{fruit} pie"}, "loop": {"{loop}"}, "over2": {"two"}, "over": {"one"}, "pair": {"x => y", "a => b"}}
	given := map[string]string{"a": "Nora"}
	for text, want := range map[string]string{
		"{a} and {over} {over2}": "Nora and one two",
		"so {over!}":             "so One",
		"{over}":                 "One",
		"So. {over}? {over}!":    "So. One? One!",
		"e.g.{over}":             "e.g.one",
		"{pair} {pair.3}":        "A {pair.3}",
		"{unknown} {open":        "{unknown} {open",
		"{7-7}":                  "7",
		"{9-7}":                  "{9-7}",
		"{loop}":                 "{loop}",
	} {
		if got := words.Fill(text, 1, given); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		got := words.Fill("+{meal}, {fruit}, {1-3}", seed, given)
		var number int
		meal, rest, _ := strings.Cut(strings.TrimPrefix(got, "+"), " pie, ")
		fruit, n, _ := strings.Cut(rest, ", ")
		if _, err := fmt.Sscan(n, &number); err != nil || meal != fruit || number < 1 || number > 3 {
			t.Fatalf("seed %d made %q", seed, got)
		}
		if got := words.Fill("+{pair}{pair.2}", seed, given); got != "+xy" && got != "+ab" {
			t.Fatalf("seed %d made the pair %q", seed, got)
		}
	})
}
