package verify

import "strconv"

// specials returns what is peculiar to a table, nil for most.
func specials(table string) special {
	switch table {
	case "zerver_userprofile":
		return lookAtMember
	case "zerver_userprofile_crossrealm":
		return lookAtSystemBot
	case "zerver_recipient":
		return lookAtRecipient
	case "zerver_realmemoji":
		return lookAtEmoji
	case "zerver_reaction", "zerver_userstatus":
		return lookAtEmojiUse
	case "zerver_attachment":
		return lookAtAttachment
	case "zerver_message":
		return lookAtMessage
	case "zerver_usermessage":
		return lookAtUserMessage
	}
	return nil
}

func lookAtMember(c *check, _ *table, _ *row) {
	if !c.naming && valid(c.at.id) {
		c.spaces[members].there[0].note(c.at.id)
	}
}

// lookAtSystemBot takes a cross-realm bot's recipient: messages may go there, though it has no row.
func lookAtSystemBot(c *check, t *table, r *row) {
	if v := t.at(r, "recipient_id"); !c.naming && v != nil && v.whole && valid(v.n) {
		c.spaces[inboxes].there[1].note(v.n)
	}
}

// The types of recipients.
const (
	personal = 1
	channel  = 2
	group    = 3
)

func lookAtRecipient(c *check, t *table, r *row) {
	kind, id := t.at(r, "type"), t.at(r, "type_id")
	if kind == nil || id == nil || !kind.whole || !id.whole {
		return // told with the field
	}
	switch kind.n {
	case personal:
		c.reference("type_id", users, id.n)
	case channel:
		c.reference("type_id", streams, id.n)
	case group:
		c.reference("type_id", huddles, id.n)
	default:
		if !c.naming {
			c.tellRow("there is no type %d of recipients", kind.n)
		}
	}
}

// What is known of a custom emoji, by id and name together.
const (
	emojiThere = 1 << iota
	emojiUsed
)

// maxEmoji bounds the custom emoji that are told apart.
const maxEmoji = 1 << 20

func lookAtEmoji(c *check, t *table, r *row) {
	if name := t.at(r, "name"); !c.naming && name != nil {
		c.markEmoji(strconv.FormatInt(c.at.id, 10), name.text(), emojiThere)
	}
}

// lookAtEmojiUse follows the code of a custom emoji. The importer wants the name to be the same, too.
func lookAtEmojiUse(c *check, t *table, r *row) {
	kind, code, name := t.at(r, "reaction_type"), t.at(r, "emoji_code"), t.at(r, "emoji_name")
	if kind == nil || code == nil || name == nil || string(kind.raw) != `"realm_emoji"` && kind.text() != "realm_emoji" {
		return
	}
	if !c.naming {
		c.markEmoji(code.text(), name.text(), emojiUsed)
		return
	}
	if c.danglingEmoji(c.emoji[c.hash(code.text(), name.text())]) {
		c.tellRow("there is no custom emoji with the id %s and the name %s", quoted(code.text()), quoted(name.text()))
	}
}

func (c *check) markEmoji(code, name string, mark uint8) {
	h := c.hash(code, name)
	if old, ok := c.emoji[h]; ok || len(c.emoji) < maxEmoji {
		c.emoji[h] = old | mark
	}
}

// danglingEmoji tells whether an emoji is used and not there.
func (c *check) danglingEmoji(marks uint8) bool {
	return marks == emojiUsed && !c.spaces[realms].unknown
}

// What is known of an uploaded file, by its path_id.
const (
	linkAttached = 1 << iota // an attachment's row has it
	linkListed               // uploads/records.json has it
)

func lookAtAttachment(c *check, t *table, r *row) {
	if path := t.at(r, "path_id"); path != nil {
		c.readPathID(path.text())
	}
	for _, list := range []struct {
		key string
		to  space
	}{{"messages", messages}, {"scheduled_messages", scheduled}} {
		v := t.at(r, list.key)
		if v == nil {
			continue
		}
		if ok := v.ints(func(id int64) { c.reference(list.key, list.to, id) }); !ok && !c.naming {
			c.tellRow("%s is not a list of ids", list.key)
		}
	}
}

func (c *check) readPathID(path string) {
	h := c.hash(path)
	switch {
	case !c.naming && c.links[h]&linkAttached != 0:
		c.tellRow("another attachment has the path_id %s too", quoted(path))
	case !c.naming:
		c.link(h, linkAttached)
	case c.folders[uploads].whole && c.links[h] == linkAttached:
		c.tellRow("uploads/records.json has no file %s", quoted(path))
	}
}
