package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/sqlite"
)

// secret makes the API keys of the tests.
var secret = []byte("a secret of the tests")

// organizationStore makes an embedded store with the demo organization, and its upload folder.
func organizationStore(tb testing.TB, opts OrganizationOptions) (path string, made *Organization) {
	tb.Helper()
	opts.Secret = secret
	path = embeddedStore(tb, func(l realmport.Loader) (err error) {
		made, err = LoadOrganization(tb.Context(), l, opts)
		return err
	})
	return path, made
}

func TestOrganizationHasItsSize(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("long")
	}
	var users []int
	for _, messages := range []int{0, 3001, largeOrganization} {
		path, made := organizationStore(t, OrganizationOptions{Messages: messages})
		want := messages
		if messages == 0 {
			want = DefaultMessages
		}
		for table, n := range map[string]int64{
			"zerver_message": int64(want), "zerver_usermessage": made.UserMessages, "zerver_reaction": made.Reactions, "zerver_attachment": made.Attachments,
			"zerver_stream": int64(made.Channels), "zerver_userprofile": int64(made.Users) + 3, "zerver_realm": 2,
		} {
			if got := column[int64](t, path, "SELECT count(*) FROM "+table)[0]; got != n || n == 0 {
				t.Errorf("%d messages: %s has %d rows, want %d", messages, table, got, n)
			}
		}
		if made.Messages != int64(want) {
			t.Errorf("got %d messages, want %d", made.Messages, want)
		}
		for what, query := range organizationInvariants() {
			if got := column[int64](t, path, query)[0]; got != 0 {
				t.Errorf("%d messages: %s: %d rows", messages, what, got)
			}
		}
		users = append(users, made.Users)
	}
	if users[0] > 60 || users[2] <= users[0] || users[2] > 2*users[0] {
		t.Errorf("got %d users for the sizes, want about forty, and a few more", users)
	}
}

// organizationInvariants returns queries that count what must not be, in SQLite.
func organizationInvariants() map[string]string {
	return map[string]string{
		"messages earlier than the ones before": `SELECT count(*) FROM (SELECT date_sent < lag(date_sent) OVER (ORDER BY id) AS wrong FROM zerver_message) WHERE wrong`,
		"topics that are too long or missing": `SELECT count(*) FROM zerver_message WHERE length(subject) > 60
			OR (subject = '') = is_channel_message OR subject LIKE '%{%'`,
		"texts with gaps or marks left": `SELECT count(*) FROM zerver_message WHERE content LIKE '%](upload)%' OR content LIKE '% {_%}%' AND content NOT LIKE '%` + "```" + `%'
			AND content NOT LIKE '%$$%' OR content = '' OR rendered_content = ''`,
		"people with the same name": `SELECT count(*) FROM (SELECT 1 FROM zerver_userprofile GROUP BY full_name HAVING count(*) > 1)`,
		"senders who were not there": `SELECT count(*) FROM zerver_message m JOIN zerver_userprofile u ON u.id = sender_id
			WHERE date_sent < date_joined`,
		"people in a private channel who are no subscribers": `SELECT count(*) FROM zerver_message m JOIN zerver_stream s USING (recipient_id)
			WHERE NOT EXISTS (SELECT 1 FROM zerver_subscription x WHERE x.recipient_id = m.recipient_id AND x.user_profile_id = m.sender_id) AND s.invite_only`,
		"usermessages of channels without a subscription": `SELECT count(*) FROM zerver_usermessage um JOIN zerver_message m ON m.id = message_id
			WHERE is_channel_message AND NOT EXISTS (SELECT 1 FROM zerver_subscription s WHERE s.recipient_id = m.recipient_id AND s.user_profile_id = um.user_profile_id)`,
		"direct messages that only one side has": `SELECT count(*) FROM zerver_message m WHERE NOT is_channel_message
			AND (SELECT count(*) FROM zerver_usermessage um WHERE um.message_id = m.id AND flags & 2048) < 2`,
		"attachments that their message does not name": `SELECT count(*) FROM zerver_attachment a JOIN zerver_attachment_messages l ON l.attachment_id = a.id
			JOIN zerver_message m ON m.id = l.message_id WHERE NOT has_attachment OR owner_id <> sender_id OR instr(content, path_id) = 0`,
		"files of nobody": `SELECT count(*) FROM zerver_attachment a WHERE NOT EXISTS (SELECT 1 FROM zerver_attachment_messages l WHERE l.attachment_id = a.id)
			AND NOT EXISTS (SELECT 1 FROM zerver_attachment_scheduled_messages l WHERE l.attachment_id = a.id)`,
		"messages that the statistics do not count": `SELECT (SELECT count(*) FROM zerver_message) - (SELECT sum(value) FROM analytics_realmcount
			WHERE property = 'messages_sent:message_type:day')`,
		"bytes that the statistics do not count": `SELECT (SELECT sum(size) FROM zerver_attachment WHERE id IN (SELECT attachment_id FROM zerver_attachment_messages))
			- (SELECT max(value) FROM analytics_realmcount WHERE property = 'upload_quota_used_bytes::day')`,
		"wrong first messages": `SELECT count(*) FROM zerver_stream s WHERE first_message_id IS NOT (SELECT min(id) FROM zerver_message m WHERE m.recipient_id = s.recipient_id)`,
		"bots of the system without a recipient": `SELECT count(*) FROM zerver_userprofile u WHERE NOT EXISTS (SELECT 1 FROM zerver_recipient r
			WHERE r.id = u.recipient_id AND r.type = 1 AND r.type_id = u.id)`,
		"messages after the end": fmt.Sprintf(`SELECT count(*) FROM zerver_message WHERE date_sent >= %d`, OrganizationOptions{}.withDefaults().Now.UnixMicro()),
		"passwords":              `SELECT count(*) FROM zerver_userprofile WHERE password <> '!'`,
		"API keys that are none": `SELECT count(*) FROM zerver_userprofile WHERE length(api_key) <> 32 OR api_key GLOB '*[^0-9A-Za-z]*'`,
	}
}

func TestOrganizationIsDeterministic(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("long")
	}
	var sums, files []map[string]string
	for range 2 {
		opts := OrganizationOptions{Messages: 4000, UploadsDir: filepath.Join(t.TempDir(), "uploads")}
		path, _ := organizationStore(t, opts)
		sums, files = append(sums, dump(t, path)), append(files, readFiles(t, opts.UploadsDir))
	}
	if diff := cmp.Diff(sums[0], sums[1]); diff != "" {
		t.Errorf("tables differ:\n%s", diff)
	}
	if diff := cmp.Diff(files[0], files[1]); diff != "" || len(files[0]) < 100 {
		t.Errorf("%d files; they differ:\n%s", len(files[0]), diff)
	}
}

// TestOrganizationInBothDatabases checks that the same rows come from the same options.
func TestOrganizationInBothDatabases(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("long")
	}
	dsn := pgtest.Database(t)
	made, err := CreateOrganization(t.Context(), dsn, OrganizationOptions{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	path, embedded := organizationStore(t, OrganizationOptions{})
	if diff := cmp.Diff(made, embedded); diff != "" {
		t.Errorf("results differ (- PostgreSQL, + SQLite):\n%s", diff)
	}
	conn := connect(t, dsn)
	compareIDs(t, conn, path)
	text := "SELECT concat(id, subject, content, rendered_content, edit_history) FROM zerver_message ORDER BY id"
	if diff := cmp.Diff(list[string](t, conn, text), column[string](t, path, text)); diff != "" {
		t.Errorf("messages differ (- PostgreSQL, + SQLite):\n%s", diff)
	}
}

func TestOrganizationAccounts(t *testing.T) {
	t.Parallel()
	path, made := organizationStore(t, OrganizationOptions{Messages: 700, StringID: "acme", Name: "Acme", Now: time.Date(2031, 3, 2, 0, 0, 0, 0, time.UTC)})
	for role, a := range map[realmport.Role]Account{realmport.Owner: made.Owner, realmport.Administrator: made.Administrator, realmport.Member: made.Member} {
		got := column[int64](t, path, "SELECT id FROM zerver_userprofile WHERE api_key = ? AND delivery_email = ? AND full_name = ? AND role = ? AND is_active", a.APIKey, a.Email, a.FullName, int(role))
		if len(got) != 1 || got[0] != a.UserID {
			t.Errorf("account of role %d: got user %v, want %d", role, got, a.UserID)
		}
	}
	if got := column[string](t, path, "SELECT name FROM zerver_realm WHERE string_id = 'acme'"); len(got) != 1 || got[0] != "Acme" || made.StringID != "acme" {
		t.Errorf("got the organization %q", got)
	}
	if got := time.UnixMicro(column[int64](t, path, "SELECT max(date_sent) FROM zerver_message")[0]).UTC(); got.Format(time.DateOnly) != "2031-02-28" {
		t.Errorf("the last message is of %s, want the Friday before", got)
	}
	other, err := newOrganization(t.Context(), OrganizationOptions{Secret: []byte("another")}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	if other.done().Owner.APIKey == made.Owner.APIKey {
		t.Error("another secret makes the same keys")
	}
	if got := column[int](t, path, "SELECT count(*) FROM zerver_userprofile WHERE role = 100 AND allow_private_data_export AND email_address_visibility = 1"); got[0] != 1 {
		t.Errorf("%d owners make exports of both types useful, want one", got[0])
	}
	for role, want := range map[realmport.Role]int{realmport.Owner: 2, realmport.Moderator: 3, realmport.Guest: 4} {
		if got := column[int](t, path, "SELECT count(*) FROM zerver_userprofile WHERE role = ? AND realm_id = 2", int(role))[0]; got != want {
			t.Errorf("role %d: got %d, want %d", role, got, want)
		}
	}
}

func TestOrganizationRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		opts OrganizationOptions
		want string
	}{
		{OrganizationOptions{}, "needs a secret"},
		{OrganizationOptions{Secret: secret, Messages: 10}, "cannot have 10 messages"},
	} {
		_, err := LoadOrganization(t.Context(), nil, c.opts)
		if realmport.ErrorCode(err) != realmport.Invalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want it to say %q", err, c.want)
		}
	}
}

func TestOrganizationCanBeCancelled(t *testing.T) {
	t.Parallel()
	l, err := sqlite.Create(t.Context(), filepath.Join(t.TempDir(), "demo.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Abort()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := LoadOrganization(ctx, l, OrganizationOptions{Secret: secret}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}

// BenchmarkOrganization makes what a newcomer's first start makes.
func BenchmarkOrganization(b *testing.B) {
	for b.Loop() {
		organizationStore(b, OrganizationOptions{UploadsDir: b.TempDir()})
	}
}
