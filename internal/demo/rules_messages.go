package demo

import "github.com/realmport/realmport"

// NastyText is in the content of a public message: all that has a meaning somewhere between the
// database and a reader of the archive.
const NastyText = "quotes \" ' ` backslash \\ \\n \\u0041 null? \\0 <b>&amp;</b> </script> ]]> " +
	"tab\tnewline\nreturn\rbackspace\bfeed\fbell\x07escape\x1bdelete\x7f separators \u2028\u2029 bom \ufeff " +
	"é ß 中文 עברית \U0001F600\U0001F469\u200D\U0001F680 combining e\u0301 highest \U0010FFFF"

// message is a message of the rules organization and the exports that hold it.
type message struct {
	id     int64
	in     exports
	sender int64
	to     int64   // the recipient
	got    []int64 // the users with a usermessage row
	why    string
	more   values
}

// rulesMessages is the table that the tests are measured by: what each message is there for, and
// which exports hold it by the rules.
//
//	C = Owner, Alice, Dave, BotA, BotC, Frank
//	X = NotificationBot, EmailGateway, WelcomeBot
//	P = the eleven users and X
//
// The names in the reasons: PubR are the recipients of channels that are not private, ConsR those that a
// user of C has a subscription to, ProtR those of channels with protected history, RX those
// in the archive. F are direct messages to somebody whose recipient is not among them.
func rulesMessages() []message {
	dm, ch, gr := PersonalRecipient, ChannelRecipient, GroupRecipient
	list := func(users ...int64) []int64 { return users }
	return []message{
		{1002, always, Owner, ch(General), list(Owner, Alice, Bob, Carol, Erin, Grace), "PubR", nil},
		{1004, always, Bob, ch(General), list(Owner, Alice, Bob, Erin), "PubR: who sends does not matter", values{"content": Marker(1004) + " " + NastyText}},
		{1006, always, Dave, ch(General), list(Owner, Alice, Dave), "PubR: a mirror dummy is in P; its usermessage is in no export", nil},
		{1008, always, NotificationBot, ch(General), list(Owner, Alice, Bob), "PubR: a bot of X is in P", values{"sending_client_id": clientInternal}},
		{1010, never, MonitorBot, ch(General), list(Owner, Alice), "another system bot is not in P", values{"sending_client_id": clientForeign}},
		{1012, never, Nina, ch(General), list(Owner, Alice), "a user of another realm is not in P", values{"sending_client_id": clientForeign}},
		{1014, always, Alice, ch(Web), list(Alice, Bob), "PubR: public on the web; has an attachment", values{"has_attachment": true}},
		{1016, consented, Alice, ch(Shared), list(Alice, Bob), "ConsR through Alice; has attachments", values{"has_attachment": true}},
		{1018, consented, Bob, ch(Shared), list(Alice, Bob), "ConsR through Alice", nil},
		{1020, fullOnly, Bob, ch(Protected), list(Bob), "ProtR: nobody of C received it, Frank being idle", nil},
		{1022, consented, Bob, ch(Protected), list(Alice, Bob), "ProtR: Alice received it", nil},
		{1024, consented, Alice, ch(Protected), list(Alice, Bob), "ProtR: Alice sent it", nil},
		{1026, fullOnly, Bob, ch(Unconsented), list(Bob, Erin), "neither PubR nor ConsR", values{"sending_client_id": clientMobile}},
		{1028, always, Erin, ch(Archived), list(Erin), "PubR: deactivated channels too", nil},
		{1030, consented, Bob, ch(Left), list(Bob), "ConsR: Alice's subscription counts though she left", nil},
		{1032, always, Bob, ch(EmptyHall), nil, "PubR: no subscribers needed, no usermessages", nil},
		{1034, always, Bob, ch(Zephyr), list(Alice, Bob), "PubR, and ProtR as well: a union, not a failure", nil},
		{1036, consented, Alice, dm(Bob), list(Alice, Bob), "F: Alice wrote it", nil},
		{1038, consented, Bob, dm(Alice), list(Alice, Bob), "ConsR: Alice's own recipient", nil},
		{1040, fullOnly, Bob, dm(Erin), list(Bob, Erin), "neither side consents", nil},
		{1042, consented, Alice, dm(Alice), list(Alice), "ConsR", nil},
		{1044, fullOnly, Bob, dm(Bob), list(Bob), "not in ConsR", nil},
		{1046, consented, NotificationBot, dm(Alice), list(Alice), "ConsR; an onboarding message", nil},
		{1048, fullOnly, NotificationBot, dm(Bob), list(Bob), "not in ConsR", nil},
		{1050, consented, Alice, dm(NotificationBot), list(Alice, NotificationBot), "F: the bot's recipient is not in RX", nil},
		{1052, fullOnly, Bob, dm(NotificationBot), list(Bob), "F of type 3 only", nil},
		{1054, consented, BotA, dm(Bob), list(BotA, Bob), "F: the bot of a user who consents", nil},
		{1056, exceptFull, Dave, dm(NotificationBot), nil, "F of type 2, Dave being in C; not of type 3, a mirror dummy not being in N", nil},
		{1058, consented, Alice, dm(Dave), list(Alice), "ConsR through Dave; in type 3 RX and F overlap: a union, not a failure", nil},
		{1060, consented, Erin, dm(BotC), list(Erin, BotC), "ConsR: the bot consents by itself", nil},
		{1062, consented, Alice, gr(MixedGroup), list(Alice, Bob, Erin), "ConsR through Alice", nil},
		{1064, fullOnly, Erin, gr(SilentGroup), list(Bob, Erin, Carol), "not in ConsR", nil},
		{1066, never, Alice, gr(BotGroup), list(Alice, Bob, NotificationBot), "unsafe group, not in RX", values{"sending_client_id": clientForeign}},
		{1068, never, Bob, gr(ForeignGroup), list(Alice, Bob, Nina), "unsafe group, not in RX", values{"sending_client_id": clientForeign}},
		{1070, never, Alice, ch(General), list(Alice), "of another realm, by its realm_id", values{"realm_id": NeighbourRealm, "sending_client_id": clientForeign}},
		{1072, always, Carol, ch(General), list(Owner, Carol), "PubR; has an edit history", values{
			"last_edit_time": epoch,
			"edit_history":   `[{"user_id": 13, "timestamp": 1714554000, "prev_content": "\"before\" \\ \u2028", "prev_rendered_content": "<p>before</p>", "prev_rendered_content_version": 1}]`,
		}},
		{1074, consented, WelcomeBot, dm(Frank), list(Frank), "ConsR: a deactivated user's consent counts", nil},
		{1076, consented, Frank, dm(Bob), list(Frank, Bob), "F: likewise", nil},
		{1078, fullOnly, Bob, dm(Grace), list(Bob, Grace), "neither side consents", nil},
		{1080, always, NotificationBot, ch(General), list(Owner), "PubR; tells of a resolved topic", values{"type": 2, "subject": "✔ done", "sending_client_id": clientInternal}},
		{1082, always, Alice, ch(General), list(Owner, Alice), "PubR; was not rendered", values{"rendered_content": nil, "rendered_content_version": nil}},
		{1084, consented, Dave, dm(Alice), list(Alice), "ConsR; in type 3 it is RX that holds it", nil},
	}
}

// receivers returns Q, the users whose usermessages are in an export: users of the realm who are not
// mirror dummies there (list N of Expected), in type 2 only those who consent.
func receivers(t realmport.ExportType) []int64 {
	switch t {
	case realmport.Public:
		return []int64{Owner, Carol, Erin, BotA, BotB, BotC, Frank}
	case realmport.Standard:
		return []int64{Owner, Alice, BotA, BotC, Frank}
	default:
		return []int64{Owner, Alice, Bob, Carol, Erin, BotA, BotB, BotC, Frank, Grace}
	}
}

// The bits of usermessage flags that the organization uses.
const (
	flagRead       = 1
	flagStarred    = 2
	flagMentioned  = 8
	flagHistorical = 1024
	flagPrivate    = 2048
	flagPushed     = 4096
)

// addMessage adds a message and its usermessages.
func (r *realm) addMessage(m message) {
	direct := m.to < ChannelRecipient(0) || m.to >= GroupRecipient(0)
	topic := "tøpic"
	if direct {
		topic = ""
	}
	r.add("zerver_message", m.in, with(values{
		"id": m.id, "realm_id": r.id, "sender_id": m.sender, "recipient_id": m.to, "subject": topic,
		"content": Marker(m.id) + " " + m.why, "rendered_content": "<p>" + Marker(m.id) + "</p>",
		"date_sent": r.now(), "sending_client_id": clientWebsite, "is_channel_message": !direct,
		"search_tsvector": "'m':1 'text':2",
	}, m.more))
	flags := []int{flagRead, 0, flagStarred | flagRead, flagMentioned, flagHistorical | flagRead, flagPushed}
	for i, user := range m.got {
		f := flags[(int(m.id)/2+i)%len(flags)]
		if direct {
			f |= flagPrivate
		}
		r.add("zerver_usermessage", m.receivedIn(user), values{"user_profile_id": user, "message_id": m.id, "flags": f})
	}
}

// receivedIn returns the exports that hold a user's row of the message.
func (m message) receivedIn(user int64) exports {
	in := never
	for _, t := range []realmport.ExportType{realmport.Public, realmport.Standard, realmport.Full} {
		for _, q := range receivers(t) {
			if q == user && m.in.has(t) {
				in |= 1 << t
			}
		}
	}
	return in
}
