package demo

import "fmt"

// reaction is somebody's to a message.
type reaction struct {
	who   *member
	emoji string
}

// reactions returns those to the message, none twice: the ones that are written out, and some more to small talk.
func (p *post) reactions() []reaction {
	var all []reaction
	add := func(r reaction) {
		for _, other := range all {
			if other == r {
				return
			}
		}
		if r.who != nil && r.who.there(p.at) {
			all = append(all, r)
		}
	}
	for _, r := range p.Reactions {
		for _, key := range r.By {
			add(reaction{p.who(key), r.Emoji})
		}
	}
	if p.number < 0 || p.to == nil || p.random(6)%6 != 0 {
		return all
	}
	emoji := usualEmoji()[p.random(7)%uint64(len(usualEmoji()))]
	subs := p.to.subs
	for i := range 1 + p.random(8)%3 {
		s := subs[p.random(20+i)%uint64(len(subs))]
		if s.receives(p.at) && s.who != p.from {
			add(reaction{s.who, emoji})
		}
	}
	return all
}

// loadReactions loads the reactions to messages.
func (o *organization) loadReactions(s sink) error {
	var id int64
	columns := []string{"id", "user_profile_id", "message_id", "reaction_type", "emoji_name", "emoji_code"}
	err := o.copy(s, "zerver_reaction", columns, func(w writer, p *post) error {
		for _, reaction := range p.reactions() {
			id++
			kind, code := o.emojiCode(reaction.emoji)
			write(w, id, reaction.who.id, p.id, kind, reaction.emoji, code)
		}
		return nil
	})
	o.result.Reactions = id
	return err
}

// emojiCode returns how the database names an emoji.
func (t *team) emojiCode(name string) (kind, code string) {
	for i, e := range customEmoji() {
		if e.name == name {
			return "realm_emoji", fmt.Sprint(i + 1)
		}
	}
	return "unicode_emoji", t.emoji[name]
}

// customEmoji are the organization's own, by id from 1.
func customEmoji() []struct {
	name, author string
	old          bool // nobody can use it any more
} {
	return []struct {
		name, author string
		old          bool
	}{{"hedgehog", "hana", false}, {"blackberry", "meilin", false}, {"signpost", "xinyi", false}, {"sprout", "nora", true}}
}

// emojiAddress returns the address of a custom emoji's picture.
func (t *team) emojiAddress(n int) string {
	return fmt.Sprintf("/user_avatars/%d/emoji/images/%d.png", OrganizationRealm, n+1)
}

// usualEmoji are those of reactions to small talk.
func usualEmoji() []string {
	return []string{"+1", "+1", "joy", "heart", "tada", "hedgehog", "eyes", "blackberry", "100", "clap"}
}

// emojiCodes are the codes of the emoji in the conversations.
func emojiCodes() map[string]string {
	return map[string]string{
		"+1": "1f44d", "100": "1f4af", "art": "1f3a8", "bird": "1f426", "books": "1f4da", "bulb": "1f4a1", "cake": "1f370", "calendar": "1f4c5", "check": "2705",
		"clap": "1f44f", "coffee": "2615", "cry": "1f622", "drooling": "1f924", "envelope": "2709", "eyes": "1f440", "facepalm": "1f926", "heart": "2764",
		"heart_eyes": "1f60d", "innocent": "1f607", "joy": "1f602", "lock": "1f512", "mountain": "26f0", "muscle": "1f4aa", "performing_arts": "1f3ad",
		"pray": "1f64f", "rain_cloud": "1f327", "rocket": "1f680", "see_no_evil": "1f648", "seedling": "1f331", "sheep": "1f411", "smiling_imp": "1f608",
		"smirk": "1f60f", "snail": "1f40c", "snowflake": "2744", "sparkles": "2728", "tada": "1f389", "train": "1f686", "wave": "1f44b", "wind_face": "1f32c",
	}
}
