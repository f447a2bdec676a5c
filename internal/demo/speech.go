package demo

import (
	"fmt"
	"strings"

	"github.com/realmport/realmport/internal/demo/picture"
)

// speech is what a message says.
type speech struct {
	text     string
	mentions []*member
	groups   []userGroup
	everyone bool // was mentioned
	uploads  []upload
}

// upload is a file that a message links to.
type upload struct {
	name string
	path string // below the folder files
	seed uint64
}

// content makes the file, and says what kind it is.
func (u upload) content() ([]byte, string) { return picture.File(u.name, u.seed) }

// uploadMark stands for a file's address in the conversations.
const uploadMark = "](upload)"

// hasUpload tells whether the message links to files.
func (p *post) hasUpload() bool { return strings.Contains(p.Text, uploadMark) }

// speech works out what the message says.
func (p *post) speech() speech { return p.say(p.Text) }

func (p *post) say(text string) speech {
	if p.number >= 0 {
		text = p.h.words.Fill(text, p.seed, p.given)
	}
	s := speech{text: text}
	p.addUploads(&s)
	p.addMentions(&s)
	return s
}

// addUploads gives the files their addresses.
func (p *post) addUploads(s *speech) {
	if !strings.Contains(s.text, uploadMark) {
		return
	}
	var b strings.Builder
	rest := s.text
	for {
		before, after, found := strings.Cut(rest, uploadMark)
		b.WriteString(before)
		if !found {
			s.text = b.String()
			return
		}
		seed := scramble(p.seed + uint64(p.n)<<8 + uint64(len(s.uploads)))
		u := upload{name: before[strings.LastIndexByte(before, '[')+1:], seed: seed}
		u.path = fmt.Sprintf("%d/%x/%s/%s", OrganizationRealm, seed&255, fakeKey("upload", int64(seed>>1))[:24], fileName(u.name))
		s.uploads = append(s.uploads, u)
		fmt.Fprintf(&b, "](/user_uploads/%s)", u.path)
		rest = after
	}
}

// fileName is what a server makes of a file's name in an address.
func fileName(name string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' {
			return c
		}
		return '-'
	}, name)
}

// addMentions writes the names of mentioned people out, and notes who is mentioned.
func (p *post) addMentions(s *speech) {
	if !strings.Contains(s.text, "@") {
		return
	}
	var b strings.Builder
	rest := s.text
	for {
		before, after, found := strings.Cut(rest, "@")
		b.WriteString(before)
		if !found {
			s.text = b.String()
			return
		}
		b.WriteByte('@')
		rest = after
		if name, ok := enclosed(after, "**"); ok {
			if m := p.h.byName[name]; m != nil {
				s.mentions = append(s.mentions, m)
			}
			s.everyone = s.everyone || name == "all"
			continue
		}
		if name, ok := enclosed(after, "*"); ok {
			for _, g := range userGroups() {
				if g.name == name {
					s.groups = append(s.groups, g)
				}
			}
			continue
		}
		key := after[:len(after)-len(strings.TrimLeft(after, "abcdefghijklmnopqrstuvwxyz"))]
		if m := p.h.byKey[key]; m != nil {
			s.mentions = append(s.mentions, m)
			fmt.Fprintf(&b, "**%s**", m.name)
			rest = after[len(key):]
		}
	}
}

// enclosed returns what is between two marks at the beginning.
func enclosed(s, mark string) (string, bool) {
	s, ok := strings.CutPrefix(s, mark)
	if !ok {
		return "", false
	}
	name, _, ok := strings.Cut(s, mark)
	return name, ok
}

// mentions tells whether somebody is mentioned, by name or by a group.
func (s *speech) mention(m *member) (byName, byGroup bool) {
	for _, other := range s.mentions {
		byName = byName || other == m
	}
	for _, g := range s.groups {
		for _, key := range g.members {
			byGroup = byGroup || key == m.key
		}
	}
	return byName, byGroup
}
