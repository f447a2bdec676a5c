package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
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
func (g *generator) loadMessages(l *loader) error {
	columns := []string{
		"id", "realm_id", "sender_id", "recipient_id", "type", "subject", "content", "rendered_content", "rendered_content_version",
		"date_sent", "sending_client_id", "last_edit_time", "edit_history", "has_attachment", "has_image", "has_link", "is_channel_message",
	}
	return l.copy("zerver_message", columns, g.Messages, func(b []byte, i int) []byte {
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
		for k, v := range []any{
			int64(i + 1), GeneratedRealmID(m.realm), g.userID(m.realm, m.sender), m.recipient, 1, topic,
			content(text, path), rendered(text, path), 1,
			messageTime(i), int64(1 + h>>30%2), edited, history, attached, false, attached, m.kind == toChannel,
		} {
			if k > 0 {
				b = append(b, '\t')
			}
			b = appendField(b, v)
		}
		return append(b, '\n')
	})
}

// loadUserMessages loads the usermessages in the order of their messages.
func (g *generator) loadUserMessages(l *loader) error {
	columns := []string{"id", "user_profile_id", "message_id", "flags"}
	return l.copy("zerver_usermessage", columns, g.Messages, func(b []byte, i int) []byte {
		m := g.message(i)
		for n := range m.receivers {
			b = appendInts(b, int64(m.before+n+1), g.receiver(m, n), int64(i+1), g.flags(m, n))
		}
		return b
	})
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

// appendInts appends a line of numbers.
func appendInts(b []byte, numbers ...int64) []byte {
	for i, n := range numbers {
		if i > 0 {
			b = append(b, '\t')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return append(b, '\n')
}

// loadReactions loads the reactions, spread evenly over the messages.
func (g *generator) loadReactions(l *loader) error {
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
	return l.copy("zerver_reaction", columns, g.Reactions, func(b []byte, i int) []byte {
		message := between(i, g.Reactions, g.Messages)
		m := g.message(message)
		// At most reactionCodes in a row are on one message, so no two there have the same emoji.
		e := emoji[i%reactionCodes]
		user := g.receiver(m, i%max(m.receivers, 1))
		return fmt.Appendf(b, "%d\t%d\t%d\tunicode_emoji\t%s\t%s\n", i+1, user, message+1, e[0], e[1])
	})
}

// loadAttachments loads the attachments and their links to messages.
func (g *generator) loadAttachments(l *loader) error {
	columns := []string{"id", "file_name", "path_id", "owner_id", "realm_id", "create_time", "size", "content_type", "is_realm_public", "is_web_public"}
	err := l.copy("zerver_attachment", columns, g.Attachments, func(b []byte, i int) []byte {
		message := between(i, g.Attachments, g.Messages)
		m := g.message(message)
		at := messageTime(message).Format(time.RFC3339Nano)
		return fmt.Appendf(b, "%d\t%s\t%s\t%d\t%d\t%s\t%d\ttext/plain\t%t\t%[8]t\n", i+1, attachmentName(i), g.attachmentPath(i),
			g.userID(m.realm, m.sender), GeneratedRealmID(m.realm), at, len(attachmentText(i)), false)
	})
	if err != nil {
		return err
	}
	return l.copy("zerver_attachment_messages", []string{"id", "attachment_id", "message_id"}, g.Attachments, func(b []byte, i int) []byte {
		return appendInts(b, int64(i+1), int64(i+1), int64(between(i, g.Attachments, g.Messages)+1))
	})
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
func (g *generator) loadAudit(l *loader) error {
	columns := []string{"id", "event_time", "backfilled", "extra_data", "event_type", "realm_id", "acting_user_id", "modified_user_id", "modified_stream_id"}
	// The organizations' own first lines have the ids before.
	first := g.Realms + 2
	return l.copy("zerver_realmauditlog", columns, g.AuditRows, func(b []byte, i int) []byte {
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
		for k, v := range []any{
			int64(first + i), epoch.Add(time.Duration(i) * 1_000_003 * time.Microsecond), false, fmt.Sprintf(`{"1": %d, "2": "%s"}`, n, word(n)),
			event, GeneratedRealmID(realm), user, modified, stream,
		} {
			if k > 0 {
				b = append(b, '\t')
			}
			b = appendField(b, v)
		}
		return append(b, '\n')
	})
}

// writeUploads makes the attachments' files.
func (g *generator) writeUploads(ctx context.Context, dir string) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write demo uploads: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("write demo uploads: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for i := range g.Attachments {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := writeFile(root, "files/"+g.attachmentPath(i), []byte(attachmentText(i)), epoch); err != nil {
			return fmt.Errorf("write demo uploads: %w", err)
		}
	}
	return nil
}
