package verify

import "github.com/RoaringBitmap/roaring/v2/roaring64"

// space is a kind of row that references lead to. Its ids may come from several tables.
type space int

const (
	users      space = iota // the rows of the three user lists
	members                 // those of zerver_userprofile alone
	recipients              // zerver_recipient
	inboxes                 // where a message may go: recipients, or a cross-realm bot's own, which has no row
	streams
	groups
	namedGroups
	messages
	scheduled
	clients
	realms
	profileFields
	huddles
	spaces // how many there are
)

// spaceOf returns the space that a reference to a table leads to.
func spaceOf(table string) (space, bool) {
	for s, name := range [spaces]string{
		users: "zerver_userprofile", recipients: "zerver_recipient", streams: "zerver_stream",
		groups: "zerver_usergroup", namedGroups: "zerver_namedusergroup", messages: "zerver_message",
		scheduled: "zerver_scheduledmessage", clients: "zerver_client", realms: "zerver_realm",
		profileFields: "zerver_customprofilefield", huddles: "zerver_huddle",
	} {
		if name == table {
			return space(s), true
		}
	}
	return 0, false
}

// refersTo returns the space that a table's key leads to, where the table that the
// schema names is too wide or too narrow.
func refersTo(table, key, target string) (space, bool) {
	switch {
	case table == "zerver_usermessage" && key == "user_profile":
		return members, true // the importer knows no other receivers
	case (table == "zerver_message" || table == "zerver_scheduledmessage") && key == "recipient":
		return inboxes, true
	}
	return spaceOf(target)
}

// noun names one row of the space.
func (s space) noun() string {
	return [spaces]string{
		users: "user", members: "active account", recipients: "recipient", inboxes: "recipient", streams: "channel",
		groups: "user group", namedGroups: "named user group", messages: "message", scheduled: "scheduled message",
		clients: "client", realms: "organization", profileFields: "profile field", huddles: "group conversation",
	}[s]
}

// closure is what is known of a space: which ids are there, and which are referred to.
type closure struct {
	there []*idSet
	refs  *idSet
	// unknown is set when rows could not be read, or are missing with their file, so
	// that nothing can be said about references to them.
	unknown bool
	// dangling are the ids that are referred to and not there; nil if none.
	dangling *roaring64.Bitmap
}

// reference takes a reference of the row at hand: in the first reading it is noted, in the second it
// is told if it leads nowhere.
func (c *check) reference(key string, to space, id int64) {
	s := &c.spaces[to]
	if !c.naming {
		if !valid(id) {
			c.tellRow("%s is %d, which is no id", key, id)
			return
		}
		s.refs.note(id)
		return
	}
	if s.dangling != nil && id >= 0 && s.dangling.Contains(uint64(id)) {
		c.tellRow("%s refers to %s %d, which is not in the archive", key, to.noun(), id)
	}
}

// close works out which references lead nowhere.
func (c *check) close() {
	for i := range c.spaces {
		s := &c.spaces[i]
		full := s.refs.full
		for _, t := range s.there {
			full = full || t.full
		}
		switch {
		case s.unknown:
		case full:
			c.tell("", "", 0, "the ids of every %s are too many, or too far apart, to be held in memory; references to them were not checked",
				space(i).noun())
		default:
			s.dangling = s.refs.without(s.there...)
		}
	}
}
