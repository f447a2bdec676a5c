package demo

import (
	"encoding/json"
	"iter"
	"strings"
	"time"
)

// The ids of the programs that messages are sent with.
const (
	organizationWebsite int64 = iota + 1
	organizationMobile
	organizationInternal
	organizationDesktop
	organizationWebhook
)

// other returns the second one of two who write to each other directly.
func (p *post) other() *member {
	if p.number >= 0 {
		if a := p.cast["a"]; a != p.from {
			return a
		}
		return p.cast["b"]
	}
	for _, key := range p.With {
		if m := p.h.byKey[key]; m != p.from {
			return m
		}
	}
	return p.from
}

// recipient returns the id of the message's recipient.
func (p *post) recipient() int64 {
	switch {
	case p.to != nil:
		return p.h.channelRecipient(p.to)
	case p.group != nil:
		return p.h.groupRecipient(p.group)
	default:
		return p.other().recipient()
	}
}

// receivers returns those who get the message.
func (p *post) receivers() iter.Seq[*member] {
	return func(yield func(*member) bool) {
		switch {
		case p.to != nil:
			for _, s := range p.to.subs {
				if s.receives(p.at) && !yield(s.who) {
					return
				}
			}
		case p.group != nil:
			for _, m := range p.group.members {
				if !yield(m) {
					return
				}
			}
		default:
			if other := p.other(); yield(p.from) && other != p.from {
				yield(other)
			}
		}
	}
}

// random is a number that the message has for a purpose.
func (p *post) random(purpose uint64) uint64 {
	return scramble(p.seed + uint64(p.n)<<16 + purpose<<48)
}

// client returns the id of the program that the message was sent with.
func (p *post) client() int64 {
	switch {
	case p.from.system:
		return organizationInternal
	case p.from.bot != 0:
		return organizationWebhook
	default:
		return []int64{organizationWebsite, organizationWebsite, organizationDesktop, organizationMobile}[p.random(1)%4]
	}
}

// kind is the message's type: 2 for one that tells of a resolved topic.
func (p *post) kind() int {
	if p.from.system && strings.HasPrefix(p.topic, "✔") {
		return 2
	}
	return 1
}

// was returns what the message said before it was edited; "" if it was not.
func (p *post) was() string {
	if p.Was != "" || p.number < 0 || p.random(2)%40 != 0 || p.from.bot != 0 {
		return p.Was
	}
	// Somebody corrected a typing error: two letters that changed their places.
	letters := []byte(p.Text)
	for i := len(letters) / 2; i+1 < len(letters); i++ {
		if lower(letters[i]) && lower(letters[i+1]) && letters[i] != letters[i+1] && !strings.ContainsAny(p.Text, "{[`:*@") {
			letters[i], letters[i+1] = letters[i+1], letters[i]
			return string(letters)
		}
	}
	return ""
}

func lower(c byte) bool { return c >= 'a' && c <= 'z' }

// copy loads the rows that hang on messages: each writes those of one of them, or none.
func (o *organization) copy(s sink, table string, columns []string, each func(w writer, p *post) error) error {
	r := o.read()
	var failed error
	err := s.copy(table, columns, func(w writer) bool {
		p := r.next()
		if p == nil {
			return false
		}
		if failed = o.ctx.Err(); failed == nil {
			failed = each(w, p)
		}
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// loadMessages loads the messages.
func (o *organization) loadMessages(s sink) error {
	columns := []string{
		"id", "realm_id", "sender_id", "recipient_id", "type", "subject", "content", "rendered_content", "rendered_content_version",
		"date_sent", "sending_client_id", "last_edit_time", "edit_history", "has_attachment", "has_image", "has_link", "is_channel_message",
	}
	return o.copy(s, "zerver_message", columns, func(w writer, p *post) error {
		say := p.speech()
		html := o.render(say.text)
		var edited, history any
		if was := p.was(); was != "" {
			edited, history = p.edit(was)
		}
		write(w, p.id, OrganizationRealm, p.from.id, p.recipient(), p.kind(), p.topic, say.text, html, 1, p.at, p.client(), edited, history,
			len(say.uploads) > 0, strings.Contains(html, "<img src="), strings.Contains(html, "<a href="), p.to != nil)
		return nil
	})
}

// edit returns when a message was edited, and what the server keeps of it.
func (p *post) edit(was string) (at time.Time, history string) {
	at = p.at.Add(time.Duration(30+p.random(3)%300) * time.Second)
	before := p.say(was).text
	text, err := json.Marshal([]struct {
		User     int64  `json:"user_id"`
		At       int64  `json:"timestamp"`
		Content  string `json:"prev_content"`
		Rendered string `json:"prev_rendered_content"`
		Version  int    `json:"prev_rendered_content_version"`
	}{{p.from.id, at.Unix(), before, p.h.render(before), 1}})
	if err != nil {
		panic(err) // texts and numbers can always be written
	}
	return at, string(text)
}

// loadUserMessages loads who got which message.
func (o *organization) loadUserMessages(s sink) error {
	var id int64
	unread := o.workday(2)
	err := o.copy(s, "zerver_usermessage", []string{"id", "user_profile_id", "message_id", "flags"}, func(w writer, p *post) error {
		say := p.speech()
		text := strings.ToLower(say.text)
		for m := range p.receivers() {
			id++
			flags := p.flags(m, &say, text)
			if m != p.from && p.at.After(unread) && p.random(uint64(10+m.id))%3 == 0 {
				flags &^= flagRead
			}
			writeInts(w, id, m.id, p.id, flags)
		}
		return nil
	})
	o.result.UserMessages = id
	return err
}

// flags returns the flags that a receiver has on a message that they have read.
func (p *post) flags(m *member, say *speech, lowered string) int64 {
	flags := int64(flagRead)
	set := func(flag int64, is bool) {
		if is {
			flags |= flag
		}
	}
	byName, byGroup := say.mention(m)
	set(flagStarred, p.random(uint64(5000+m.id))%200 == 0)
	set(flagMentioned, byName)
	set(flagGroupMentioned, byGroup)
	set(flagEveryone, say.everyone && p.to != nil)
	set(flagPrivate, p.to == nil)
	for _, word := range m.words {
		set(flagAlertWord, m != p.from && strings.Contains(lowered, word))
	}
	return flags
}

// Flags of usermessages that only the demo organization has.
const (
	flagEveryone       = 16
	flagGroupMentioned = 64
	flagAlertWord      = 512
)
