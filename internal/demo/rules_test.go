package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
)

func types() []realmport.ExportType {
	return []realmport.ExportType{realmport.Public, realmport.Standard, realmport.Full}
}

// TestRulesRowsByQuery checks what was worked out by hand, in the tables whose rows an export
// selects, with the rules as queries. $1 is the type, $2 the messages.
func TestRulesRowsByQuery(t *testing.T) {
	t.Parallel()
	conn := rulesDatabase(t)
	consents := "(id = ANY ($2) OR TRUE) AND ($1 = 3 OR $1 = 2 AND %s IN " + consentSQL + ")"
	user := func(column string) string {
		return fmt.Sprintf(consents+" AND %[1]s IN (SELECT id FROM zerver_userprofile WHERE realm_id = 2)", column)
	}
	scheduled := "realm_id = 2 AND ($1 = 3 OR $1 = 2 AND sender_id IN " + consentSQL + ")"
	groups := `(SELECT recipient_id FROM zerver_subscription WHERE recipient_id IN ` + safeSQL + ` AND ($1 = 3 OR $1 = 2 AND recipient_id IN ` + consSQL + `))`
	own := `(SELECT recipient_id FROM zerver_userprofile WHERE realm_id = 2 UNION SELECT recipient_id FROM zerver_stream WHERE realm_id = 2 UNION SELECT * FROM ` + groups + ` g)`
	for table, where := range map[string]string{
		"zerver_alertword":            user("user_profile_id"),
		"zerver_botconfigdata":        user("bot_profile_id"),
		"zerver_botstoragedata":       user("bot_profile_id"),
		"zerver_muteduser":            user("user_profile_id"),
		"zerver_onboardingstep":       user("user_id"),
		"zerver_savedsnippet":         user("user_profile_id"),
		"zerver_service":              user("user_profile_id"),
		"zerver_useractivity":         user("user_profile_id"),
		"zerver_useractivityinterval": user("user_profile_id"),
		"zerver_userstatus":           user("user_profile_id"),
		"zerver_usertopic":            user("user_profile_id"),
		"zerver_userpresence":         "realm_id = 2 AND $1 > 0 AND $2::int[] IS NOT NULL",
		"zerver_scheduledmessage":     "($2::int[] IS NOT NULL) AND " + scheduled,
		"zerver_realmauditlog": `$2::int[] IS NOT NULL AND realm_id = 2 AND ($1 = 3 OR event_type IN (301, 302, 303) OR modified_user_id IS NULL
			OR $1 = 2 AND modified_user_id IN ` + consentSQL + `)`,
		"zerver_recipient":             "$2::int[] IS NOT NULL AND id IN " + own,
		"zerver_subscription":          "$2::int[] IS NOT NULL AND recipient_id IN " + own,
		"zerver_huddle":                "$2::int[] IS NOT NULL AND recipient_id IN " + groups,
		"zerver_reaction":              "$1 > 0 AND message_id = ANY ($2)",
		"zerver_onboardingusermessage": "$1 > 0 AND realm_id = 2 AND message_id = ANY ($2)",
		"zerver_attachment": fmt.Sprintf(`id <> %d AND (id IN (SELECT attachment_id FROM zerver_attachment_messages WHERE message_id = ANY ($2))
			OR id IN (SELECT attachment_id FROM zerver_attachment_scheduled_messages l JOIN zerver_scheduledmessage s ON s.id = scheduledmessage_id WHERE %s))`,
			MissingAttachment, scheduled),
		"zerver_attachment_messages": fmt.Sprintf("$1 > 0 AND attachment_id <> %d AND message_id = ANY ($2)", MissingAttachment),
		"zerver_client": fmt.Sprintf(`id IN (SELECT sending_client_id FROM zerver_message WHERE id = ANY ($2)
			UNION SELECT sending_client_id FROM zerver_scheduledmessage WHERE %s
			UNION SELECT client_id FROM zerver_useractivity WHERE %s UNION SELECT client_id FROM zerver_userstatus WHERE %[2]s)`,
			scheduled, user("user_profile_id")),
	} {
		for _, typ := range types() {
			e := Expected(typ)
			got := list[int64](t, conn, "SELECT id::bigint FROM "+table+" WHERE "+where+" ORDER BY 1", int(typ), e.Messages)
			if !slices.Equal(e.Rows[table], got) {
				t.Errorf("%s of %s: by hand %v, by query %v", table, typ, e.Rows[table], got)
			}
		}
	}
}

func TestExpectedUsers(t *testing.T) {
	t.Parallel()
	conn := rulesDatabase(t)
	for _, typ := range types() {
		e := Expected(typ)
		all := slices.Sorted(slices.Values(append(slices.Clone(e.Users), e.MirrorDummies...)))
		if diff := cmp.Diff(list[int64](t, conn, "SELECT id::bigint FROM zerver_userprofile WHERE realm_id = 2 ORDER BY 1"), all); diff != "" {
			t.Errorf("%s: not every user is in one of the lists:\n%s", typ, diff)
		}
		dummies := list[int64](t, conn, `SELECT id::bigint FROM zerver_userprofile WHERE realm_id = 2 AND (is_mirror_dummy
			OR $1 = 1 AND email_address_visibility = 4 OR $1 = 2 AND is_active AND id NOT IN `+consentSQL+`) ORDER BY 1`, int(typ))
		if diff := cmp.Diff(e.MirrorDummies, dummies); diff != "" {
			t.Errorf("%s: mirror dummies differ (- by hand, + by query):\n%s", typ, diff)
		}
	}
}

// TestSecretsAreOnlyWhereTheyLeave looks for texts that no archive may hold: they must be in
// columns that no archive has, or in rows that none holds.
func TestSecretsAreOnlyWhereTheyLeave(t *testing.T) {
	t.Parallel()
	dropped := []string{"password", "api_key", "uuid_owner_secret", "zoom_token", "export_path"}
	found := map[string]bool{}
	for _, r := range rulesFixture().rows {
		for column, v := range r.values {
			text, _ := v.(string)
			for _, secret := range Secrets() {
				if !strings.Contains(text, secret) {
					continue
				}
				found[secret] = true
				// Foreign users are not in the table of what exports hold.
				if r.in != never && !slices.Contains(dropped, column) {
					t.Errorf("%s.%s of row %d holds %q", r.table, column, r.id(), secret)
				}
			}
		}
		if r.in != never && (r.fill == Foreign || r.fill == NeverExported) {
			t.Errorf("row %d of %s is in an export and not of the organization", r.id(), r.table)
		}
	}
	for _, secret := range []string{Foreign, SecretPassword, SecretOwner, SecretZoom, SecretExportPath} {
		if !found[secret] {
			t.Errorf("no row holds %q", secret)
		}
	}
}

func TestMessagesHaveTheirMarkers(t *testing.T) {
	t.Parallel()
	conn := rulesDatabase(t)
	for _, m := range rulesMessages() {
		got := list[int64](t, conn, "SELECT id::bigint FROM zerver_message WHERE content LIKE $1 || '%'", Marker(m.id))
		if !slices.Equal(got, []int64{m.id}) {
			t.Errorf("marker of message %d is in %v", m.id, got)
		}
	}
	if got := list[string](t, conn, "SELECT content FROM zerver_message WHERE id = 1004")[0]; got != Marker(1004)+" "+NastyText {
		t.Errorf("the nasty text became %q", got)
	}
}

func TestSequencesGoOn(t *testing.T) {
	t.Parallel()
	conn := rulesDatabase(t)
	got := list[int64](t, conn, "INSERT INTO zerver_client (name) VALUES ('new') RETURNING id")[0]
	if want := clientForeign + 1; got != want {
		t.Errorf("got id %d, want %d", got, want)
	}
}

func TestWriteRulesUploads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 { // again over what is there
		if err := WriteRulesUploads(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, typ := range types() {
		for folder, paths := range Expected(typ).Files {
			for _, path := range paths {
				switch folder {
				case "uploads":
					path = filepath.Join("files", path)
				case "realm_icons":
					path = filepath.Join("avatars", filepath.Dir(path), "realm", filepath.Base(path))
				default:
					path = filepath.Join("avatars", path)
				}
				if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Size() == 0 {
					t.Errorf("%s: %v", path, err)
				}
			}
		}
	}
	conn := rulesDatabase(t)
	for _, path := range list[string](t, conn, "SELECT path_id FROM zerver_attachment") {
		_, err := os.Stat(filepath.Join(dir, "files", path))
		lost := strings.HasSuffix(path, "lost.txt")
		if os.IsNotExist(err) != lost {
			t.Errorf("%s: got %v, want a file: %t", path, err, !lost)
		}
	}
}
