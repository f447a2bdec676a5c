package script

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// parse reads conversations.
func parse(text string) ([]Conversation, error) {
	p := &parser{speaker: regexp.MustCompile(`^([a-z-]+): (.*)$`)}
	for i, line := range strings.Split(text, "\n") {
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	for i := range p.all {
		if len(p.all[i].Lines) == 0 {
			return nil, fmt.Errorf("conversation %q has no messages", p.all[i].Topic)
		}
	}
	return p.all, nil
}

type parser struct {
	speaker *regexp.Regexp
	all     []Conversation
	pause   time.Duration // before the next message
	blank   int           // empty lines, which count if the message goes on
	was     bool          // the last line was of what the message said before
}

// conversation returns the last one.
func (p *parser) conversation() *Conversation { return &p.all[len(p.all)-1] }

func (p *parser) line(s string) (err error) {
	kind, rest, _ := strings.Cut(s, " ")
	if kind == "==" {
		p.blank, p.pause = 0, 0
		var c Conversation
		c, err = header(rest)
		p.all = append(p.all, c)
		return err
	}
	switch {
	case strings.HasPrefix(s, "#"):
		return nil
	case s == "":
		p.blank++
		return nil
	case len(p.all) == 0:
		return fmt.Errorf("%q comes before the first conversation", s)
	}
	c := p.conversation()
	if m := p.speaker.FindStringSubmatch(s); m != nil {
		c.Lines = append(c.Lines, Line{From: m[1], Text: m[2], Pause: p.pause})
		p.blank, p.pause, p.was = 0, 0, false
		return nil
	}
	if kind == "--" {
		p.pause, err = pause(rest)
		return err
	}
	if len(c.Lines) == 0 {
		return fmt.Errorf("%q comes before the first message", s)
	}
	return p.more(&c.Lines[len(c.Lines)-1], s, kind, rest)
}

// more adds a line to what is known of a message.
func (p *parser) more(last *Line, s, kind, rest string) (err error) {
	switch {
	case strings.HasPrefix(s, "  "):
		text := strings.Repeat("\n", p.blank+1) + s[2:]
		if p.was {
			last.Was += text
		} else {
			last.Text += text
		}
	case kind == "~":
		last.Was, p.was = rest, true
	case kind == "+":
		last.Reactions, err = reactions(rest)
	default:
		err = fmt.Errorf("%q is nothing that is known", s)
	}
	p.blank = 0
	return err
}

// header reads what comes after ==.
func header(s string) (c Conversation, err error) {
	what, when, found := strings.Cut(s, " | ")
	if !found {
		return c, fmt.Errorf("%q does not say when", s)
	}
	if people, direct := strings.CutPrefix(what, "dm: "); direct {
		c.Places = []string{"dm"}
		c.With = strings.Split(people, ", ")
		if len(c.With) > 2 {
			c.Places[0] = "group"
		}
	} else {
		places, topic, _ := strings.Cut(what, " > ")
		c.Places, c.Topic = strings.Split(places, ", "), topic
	}
	if rest, ok := strings.CutPrefix(when, "day "); ok {
		var hour, minute int
		if _, err := fmt.Sscanf(rest, "%d %d:%d", &c.Day, &hour, &minute); err != nil {
			return c, fmt.Errorf("%q is not a day with a time", when)
		}
		c.Minute = hour*60 + minute
		return c, nil
	}
	when, c.Friday = strings.CutPrefix(when, "fri ")
	if _, err := fmt.Sscanf(when, "%d-%d", &c.From, &c.To); err != nil {
		return c, fmt.Errorf("%q are not hours", when)
	}
	return c, nil
}

// pause reads a time with a unit: m, h or d.
func pause(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(s)
}

// reactions reads emoji with people, divided by semicolons or commas.
func reactions(s string) ([]Reaction, error) {
	var all []Reaction
	for part := range strings.SplitSeq(s, ";") {
		words := strings.Fields(part)
		if len(words) < 2 {
			return nil, fmt.Errorf("%q is not an emoji with people", part)
		}
		all = append(all, Reaction{Emoji: words[0], By: words[1:]})
	}
	return all, nil
}

// parseWords reads lists of words by name.
func parseWords(text string) (Words, error) {
	all := Words{}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		name, list, found := strings.Cut(line, ": ")
		if !found || all[name] != nil {
			return nil, fmt.Errorf("%q is not a new list of words", line)
		}
		all[name] = strings.Split(list, " | ")
	}
	return all, nil
}
