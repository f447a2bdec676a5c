package store_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/store"
)

// sent is a direct message as the database has it.
type sent struct {
	Realm, Sender, Recipient, Type, Version       int64
	Subject, Content, Rendered, Client            string
	Attachment, Image, Link, Channel, Edited, Now bool
	Readers                                       map[int64]int64 // flags
}

func readMessage(t *testing.T, w *world, id int64) sent {
	t.Helper()
	var m sent
	err := w.db.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT m.realm_id, m.sender_id, m.recipient_id, m.type, m.rendered_content_version,
			m.subject, m.content, m.rendered_content, c.name, m.has_attachment, m.has_image, m.has_link, m.is_channel_message,
			m.edit_history IS NOT NULL, m.date_sent = $2
		FROM %s m JOIN %s c ON c.id = m.sending_client_id WHERE m.id = $1`, w.table("zerver_message"), w.table("zerver_client")),
		id, w.time(start)).Scan(&m.Realm, &m.Sender, &m.Recipient, &m.Type, &m.Version,
		&m.Subject, &m.Content, &m.Rendered, &m.Client, &m.Attachment, &m.Image, &m.Link, &m.Channel, &m.Edited, &m.Now)
	if err != nil {
		t.Fatal(err)
	}
	receipts := `SELECT user_profile_id, flags FROM ` + w.table("zerver_usermessage") + ` WHERE message_id = $1`
	rows, err := w.db.QueryContext(t.Context(), receipts, id)
	if err != nil {
		t.Fatal(err)
	}
	m.Readers = map[int64]int64{}
	for rows.Next() {
		var user, flags int64
		if err := rows.Scan(&user, &flags); err != nil {
			t.Fatal(err)
		}
		m.Readers[user] = flags
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return m
}

// succeed makes an export that a user asked for succeed, and returns the message to them.
func succeed(t *testing.T, w *world, owned bool, user int64) int64 {
	t.Helper()
	s, ctx := w.new(t, owned), t.Context()
	id := create(t, s, acme, user, start)
	ok, err := s.Start(ctx, id, start)
	want(t, true, ok, err)
	ok, message, err := s.Succeed(ctx, id, result, start)
	want(t, true, ok, err)
	return message
}

func TestMessage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i, user := range []int64{owner, owner, adminBot, notificationBot} {
			readers := map[int64]int64{notificationBot: 2048, user: 2048}
			want := sent{
				Realm: acme, Sender: notificationBot, Recipient: 100 + user, Type: 1, Version: 1,
				Content:  "Your data export is complete. [View and download exports](/#organization/data-exports-admin).",
				Rendered: `<p>Your data export is complete. <a href="/#organization/data-exports-admin">View and download exports</a>.</p>`,
				Client:   "Internal", Link: true, Now: true, Readers: readers,
			}
			if diff := cmp.Diff(want, readMessage(t, w, succeed(t, w, true, user))); diff != "" {
				t.Errorf("message %d: %s", i, diff)
			}
		}
		if n := value[int](t, w, `SELECT count(*) FROM `+w.table("zerver_client")); n != 1 {
			t.Errorf("got %d clients, want 1", n)
		}
	})
}

func TestNoMessage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if got := succeed(t, w, false, owner); got != 0 {
			t.Errorf("another's server: got %d", got)
		}
		if got := succeed(t, w, true, 0); got != 0 {
			t.Errorf("made on the command line: got %d", got)
		}
		w.set(t, admin, "recipient_id", nil)
		w.exec(t, fmt.Sprintf(`DELETE FROM %s WHERE type = 1 AND type_id = %d`, w.table("zerver_recipient"), admin))
		if got := succeed(t, w, true, admin); got != 0 {
			t.Errorf("no recipient: got %d", got)
		}
		// What only looks like the bot is not.
		w.set(t, notificationBot, "is_bot", false)
		w.set(t, bot, "delivery_email", "notification-bot@zulip.com")
		if got := succeed(t, w, true, owner); got != 0 {
			t.Errorf("no bot: got %d", got)
		}
		if n := value[int](t, w, `SELECT count(*) FROM `+w.table("zerver_message")); n != 0 {
			t.Errorf("got %d messages", n)
		}
	})
}

// TestEmbedded uses an embedded store as it is made for newcomers and tests, references and all.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rules.sqlite")
	newOrganizations(t, path, demo.LoadRules)
	s, ctx := (&world{d: store.SQLite, db: openSQLite(t, path)}).new(t, true), t.Context()
	if changed, err := s.SetConsent(ctx, demo.Bob, true, start); !changed || err != nil {
		t.Errorf("got %v, %v", changed, err)
	}
	id := create(t, s, demo.RulesRealm, demo.Erin, start)
	ok, err := s.Start(ctx, id, start)
	want(t, true, ok, err)
	ok, message, err := s.Succeed(ctx, id, result, start)
	want(t, true, ok, err)
	if message == 0 {
		t.Error("no message")
	}
	list, err := s.List(ctx, demo.RulesRealm)
	if err != nil || len(list) != 2 || list[0].Status != realmport.Succeeded || list[0].Path != demo.SecretExportPath {
		t.Errorf("got %+v, %v", list, err)
	}
}
