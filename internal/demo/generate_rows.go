package demo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// reactionCodes is how many emoji the generated reactions use.
const reactionCodes = 8

// between returns the number of the i-th of n things spread evenly over total.
func between(i, n, total int) int { return i * total / n }

// attachmentOf returns the number of a message's attachment.
func (g *generator) attachmentOf(message int) (n int, ok bool) {
	if g.Attachments == 0 {
		return 0, false
	}
	n = (message*g.Attachments + g.Messages - 1) / g.Messages
	return n, n < g.Attachments && between(n, g.Attachments, g.Messages) == message
}

func messageTime(i int) time.Time { return epoch.Add(time.Duration(i) * 7_000_003 * time.Microsecond) }

// loadMessages loads the messages; the id of the i-th is i+1.
func (g *generator) loadMessages(s sink) error {
	columns := []string{
		"id", "realm_id", "sender_id", "recipient_id", "type", "subject", "content", "rendered_content", "rendered_content_version",
		"date_sent", "sending_client_id", "last_edit_time", "edit_history", "has_attachment", "has_image", "has_link", "is_channel_message",
	}
	return s.copy("zerver_message", columns, each(g.Messages, func(w writer, i int) {
		m := g.message(i)
		h := scramble(uint64(i) + 1<<40)
		text := messageText(uint64(i))
		path := ""
		n, attached := g.attachmentOf(i)
		if attached {
			path = "/user_uploads/" + g.attachmentPath(n)
		}
		topic := ""
		if m.kind == toChannel {
			topic = word(int(h%50)) + " " + word(int(h>>8%20))
		}
		var edited, history any
		if h>>20%25 == 0 {
			edited = messageTime(i).Add(time.Minute)
			history = fmt.Sprintf(`[{"user_id": %d, "timestamp": %d, "prev_content": %q}]`, g.userID(m.realm, m.sender), messageTime(i).Unix()+60, sentence(h, 60))
		}
		write(w, i+1, GeneratedRealmID(m.realm), g.userID(m.realm, m.sender), m.recipient, 1, topic,
			content(text, path), rendered(text, path), 1,
			messageTime(i), int64(1+h>>30%2), edited, history, attached, false, attached, m.kind == toChannel)
	}))
}

// loadUserMessages loads the usermessages in the order of their messages.
func (g *generator) loadUserMessages(s sink) error {
	columns := []string{"id", "user_profile_id", "message_id", "flags"}
	return s.copy("zerver_usermessage", columns, each(g.Messages, func(w writer, i int) {
		m := g.message(i)
		for n := range m.receivers {
			writeInts(w, int64(m.before+n+1), g.receiver(m, n), int64(i+1), g.flags(m, n))
		}
	}))
}

// flags returns the flags that the n-th receiver of a message has on it: nine in ten
// are read, a few are starred or mention the receiver.
func (g *generator) flags(m messageRow, n int) int64 {
	h := scramble(uint64(m.before + n))
	var f int64
	if h%10 != 0 {
		f |= flagRead
	}
	if h>>8%64 == 0 {
		f |= flagStarred
	}
	if h>>16%40 == 0 {
		f |= flagMentioned
	}
	if m.kind != toChannel {
		f |= flagPrivate
	}
	return f
}

// writeInts writes a row of numbers.
func writeInts(w writer, numbers ...int64) {
	for _, n := range numbers {
		w.int(n)
	}
	w.end()
}

// loadReactions loads the reactions, spread evenly over the messages.
func (g *generator) loadReactions(s sink) error {
	emoji := [reactionCodes][2]string{
		{"+1", "1f44d"},
		{"heart", "2764"},
		{"tada", "1f389"},
		{"smile", "1f642"},
		{"eyes", "1f440"},
		{"check", "2705"},
		{"octopus", "1f419"},
		{"rocket", "1f680"},
	}
	columns := []string{"id", "user_profile_id", "message_id", "reaction_type", "emoji_name", "emoji_code"}
	return s.copy("zerver_reaction", columns, each(g.Reactions, func(w writer, i int) {
		message := between(i, g.Reactions, g.Messages)
		m := g.message(message)
		// At most reactionCodes in a row are on one message, so no two there have the same emoji.
		e := emoji[i%reactionCodes]
		user := g.receiver(m, i%max(m.receivers, 1))
		write(w, i+1, user, message+1, "unicode_emoji", e[0], e[1])
	}))
}

// loadAttachments loads the attachments and their links to messages.
func (g *generator) loadAttachments(s sink) error {
	columns := []string{"id", "file_name", "path_id", "owner_id", "realm_id", "create_time", "size", "content_type", "is_realm_public", "is_web_public"}
	err := s.copy("zerver_attachment", columns, each(g.Attachments, func(w writer, i int) {
		message := between(i, g.Attachments, g.Messages)
		m := g.message(message)
		write(w, i+1, attachmentName(i), g.attachmentPath(i), g.userID(m.realm, m.sender), GeneratedRealmID(m.realm),
			messageTime(message), len(attachmentText(i)), "text/plain", false, false)
	}))
	if err != nil {
		return err
	}
	return s.copy("zerver_attachment_messages", []string{"id", "attachment_id", "message_id"}, each(g.Attachments, func(w writer, i int) {
		writeInts(w, int64(i+1), int64(i+1), int64(between(i, g.Attachments, g.Messages)+1))
	}))
}

func attachmentName(n int) string { return fmt.Sprintf("%s-%d.txt", word(n), n) }

func attachmentText(n int) string {
	return sentence(uint64(n)+1<<50, 200+int(scramble(uint64(n))%1800)) + "\n"
}

// attachmentPath returns where the n-th attachment's file is below the folder files.
func (g *generator) attachmentPath(n int) string {
	realm := between(n, g.Attachments, g.Messages) % g.Realms
	return fmt.Sprintf("%d/%x/%s/%s", GeneratedRealmID(realm), n%256, fakeKey("generated", int64(n))[:24], attachmentName(n))
}

// loadAudit loads lines of the log: of the kinds that stay whoever consents, of
// those that go with a user's consent, and of the organization's own.
func (g *generator) loadAudit(s sink) error {
	columns := []string{"id", "event_time", "backfilled", "extra_data", "event_type", "realm_id", "acting_user_id", "modified_user_id", "modified_stream_id"}
	// The organizations' own first lines have the ids before.
	first := g.Realms + 2
	return s.copy("zerver_realmauditlog", columns, each(g.AuditRows, func(w writer, i int) {
		realm, n := i%g.Realms, i/g.Realms
		user := g.userID(realm, n%g.users)
		event := []int{301, 132, 303, 304, 207, 302}[n%6]
		var modified, stream any = user, nil
		switch event {
		case 207:
			modified = nil
		case 301, 302, 303, 304:
			stream = g.streamID(realm, n%g.streams)
		}
		write(w, first+i, epoch.Add(time.Duration(i)*1_000_003*time.Microsecond), false, fmt.Sprintf(`{"1": %d, "2": "%s"}`, n, word(n)),
			event, GeneratedRealmID(realm), user, modified, stream)
	}))
}

// writeUploads makes the attachments' files; none without a folder.
func (g *generator) writeUploads(ctx context.Context, dir string) error {
	f, err := openFolder(dir, epoch)
	if err != nil || f == nil {
		return err
	}
	for i := 0; i < g.Attachments && err == nil; i++ {
		if err = ctx.Err(); err == nil {
			err = f.write("files/"+g.attachmentPath(i), []byte(attachmentText(i)), time.Time{})
		}
	}
	return errors.Join(err, f.close())
}
