// Package script holds what the people of the demo organization say: whole conversations, and small talk with
// gaps that are filled differently each time. The texts are in files of the folders talk and small:
//
//	# a comment
//	== channel > topic | day 12 10:30
//	nora: What somebody writes.
//	  More of it, without the two spaces.
//	+ tada kofi priya; heart mei     reactions to it, with those who react
//	~ What it said before it was edited.
//	-- 40m                           nobody writes for a while
//	kofi: The next one.
//
// "day 12" is the twelfth working day before the last one. A direct conversation has "dm: nora, kofi" for a place. Small talk
// names hours ("| 10-12", "| fri 15-18") in place of a day, possibly several channels, and has letters for people.
package script

import (
	"embed"
	"fmt"
	"io/fs"
	"time"
)

//go:embed talk/*.txt small/talk.txt small/words.txt
var files embed.FS

// Conversation is a sequence of messages in one place.
type Conversation struct {
	Places []string // channels, or the place "dm", "group" or "region"
	With   []string // those who take part in a direct conversation, in a script
	Topic  string   // "" of a direct conversation
	Lines  []Line

	// When, in a script: so many working days before the last one, at this minute of the day.
	Day, Minute int
	// When, in small talk: it begins in the hours [From, To), perhaps on Fridays only.
	From, To int
	Friday   bool
}

// Line is one message.
type Line struct {
	From      string // a person's key, or a letter
	Text      string
	Was       string        // what it said before it was edited; "" if it was not
	Pause     time.Duration // before it, beyond the time that writing takes
	Reactions []Reaction
}

// Reaction is an emoji with those who react with it.
type Reaction struct {
	Emoji string
	By    []string
}

// Direct tells whether the conversation is one by direct messages.
func (c *Conversation) Direct() bool {
	return c.Places[0] == "dm" || c.Places[0] == "group"
}

// Talk returns the conversations that are written out.
func Talk() ([]Conversation, error) {
	names, err := fs.Glob(files, "talk/*.txt")
	if err != nil {
		return nil, err
	}
	var all []Conversation
	for _, name := range names {
		more, err := read(name, parse)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// SmallTalk returns the conversations with gaps, and the words for these.
func SmallTalk() ([]Conversation, Words, error) {
	talk, err := read("small/talk.txt", parse)
	if err != nil {
		return nil, nil, err
	}
	words, err := read("small/words.txt", parseWords)
	return talk, words, err
}

// read parses one of the files.
func read[T any](name string, parse func(text string) (T, error)) (T, error) {
	var none T
	text, err := files.ReadFile(name)
	if err != nil {
		return none, err
	}
	v, err := parse(string(text))
	if err != nil {
		return none, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}
