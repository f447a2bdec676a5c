package store_test

import (
	"crypto/sha256"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
)

func TestRealm(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.new(t, false)
		want := &realmport.Realm{
			ID: acme, StringID: "acme", Name: "Realm acme", Created: start, Description: "Makes *everything*",
			IconVersion: 7, IconGiven: true, WebPublic: true,
		}
		got, err := s.Realm(t.Context(), acme)
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("by id: %v\n%s", err, cmp.Diff(want, got))
		}
		got, err = s.RealmByStringID(t.Context(), "acme")
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("by string id: %v\n%s", err, cmp.Diff(want, got))
		}
		for _, id := range []int64{nowhere, 0, -1, math.MaxInt64, math.MinInt64} {
			_, err := s.Realm(t.Context(), id)
			wantCode(t, err, realmport.NotFound)
		}
		for _, name := range []string{"", "ACME", "acme ", "%", "acme\x00", "\xff", "' OR 1=1 --", strings.Repeat("a", 1e6)} {
			_, err := s.RealmByStringID(t.Context(), name)
			wantCode(t, err, realmport.NotFound)
		}
	})
}

func TestUser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.new(t, false)
		w.set(t, member, "allow_private_data_export", true)
		for _, want := range []*realmport.User{
			{ID: owner, RealmID: acme, Role: realmport.Owner, Active: true, Language: "de", RateLimits: "60:5"},
			{ID: member, RealmID: acme, Role: realmport.Member, Active: true, Language: "en", Consents: true},
			{ID: gone, RealmID: acme, Role: realmport.Administrator, Language: "en"},
			{ID: bot, RealmID: acme, Role: realmport.Member, Bot: realmport.GenericBot, Active: true, Language: "en"},
			{ID: webhook, RealmID: acme, Role: realmport.Member, Bot: realmport.IncomingWebhook, Active: true, Language: "en"},
			{ID: stranger, RealmID: other, Role: realmport.Owner, Active: true, Language: "en"},
		} {
			user, err := s.User(t.Context(), want.ID)
			if err != nil {
				t.Fatal(err)
			}
			want.KeyDigest = sha256.Sum256([]byte(key(want.ID)))
			want.DeliveryEmail, want.FullName = user.DeliveryEmail, user.FullName
			if diff := cmp.Diff(want, user); diff != "" || !strings.HasSuffix(user.DeliveryEmail, "@example.com") {
				t.Errorf("user %d, %q: %s", want.ID, user.DeliveryEmail, diff)
			}
			byKey, err := s.UserByKey(t.Context(), key(want.ID))
			if err != nil || !cmp.Equal(byKey, user) {
				t.Errorf("by key: %v\n%s", err, cmp.Diff(user, byKey))
			}
		}
		for _, id := range []int64{nobody, 0, -1, math.MaxInt64, math.MinInt64} {
			_, err := s.User(t.Context(), id)
			wantCode(t, err, realmport.NotFound)
		}
	})
}

func TestUserByKeyIsExact(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.new(t, false)
		k := key(admin)
		for _, wrong := range []string{
			"", strings.ToUpper(k), strings.ToLower(k), k[:31], k + "0", " " + k, k[:31] + "_", k[:31] + "\x00", k[:31] + "\xff", "%", key(nobody),
			strings.Repeat("é", 16),
		} {
			_, err := s.UserByKey(t.Context(), wrong)
			wantCode(t, err, realmport.NotFound)
			if wrong != "" && strings.Contains(err.Error(), wrong) {
				t.Errorf("the error names the key: %v", err)
			}
		}
	})
}

func TestConsentsAndAdministrators(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.new(t, false)
		for _, user := range []int64{admin, guest, bot, gone} {
			w.set(t, user, "allow_private_data_export", true)
		}
		got, err := s.Consents(t.Context(), acme)
		consent := func(user int64, consented, active bool) realmport.Consent {
			visibility := 1
			if user == owner {
				visibility = 4
			}
			return realmport.Consent{UserID: user, Consented: consented, Active: active, EmailVisibility: visibility}
		}
		want := []realmport.Consent{
			consent(owner, false, true), consent(admin, true, true), consent(member, false, true), consent(guest, true, true),
			consent(gone, true, false), consent(dummy, false, false), consent(moderator, false, true),
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("consents: %v\n%s", err, diff)
		}
		ids, err := s.Administrators(t.Context(), acme)
		if diff := cmp.Diff([]int64{owner, admin}, ids); err != nil || diff != "" {
			t.Errorf("administrators: %v\n%s", err, diff)
		}
		if got, err := s.Consents(t.Context(), nowhere); len(got) > 0 || err != nil {
			t.Errorf("no organization: got %v, %v", got, err)
		}
	})
}

func TestUsable(t *testing.T) {
	const consents, role, visibility = "allow_private_data_export", "role", "email_address_visibility"
	each(t, func(t *testing.T, w *world) {
		s := w.new(t, false)
		type change struct {
			user   int64
			column string
			value  any
		}
		for _, tt := range []struct {
			name             string
			changes          []change
			public, standard bool
		}{
			{"the owner hides and does not consent", nil, false, false},
			{"the owner consents", []change{{owner, consents, true}}, false, true},
			{"a deactivated owner consents", []change{{owner, consents, true}, {owner, "is_active", false}}, false, true},
			{"an administrator is no owner", []change{{admin, consents, true}}, false, false},
			{"visible to moderators", []change{{owner, visibility, 5}}, true, false},
			{"visible to administrators", []change{{owner, visibility, 3}}, true, false},
			{"a deactivated owner is visible", []change{{gone, role, 100}}, true, false},
			{"a bot that consents is an owner", []change{{adminBot, role, 100}, {adminBot, consents, true}}, true, true},
			{"a bot of one who consents is an owner", []change{{adminBot, role, 100}, {admin, consents, true}}, true, true},
			{"a bot of one who does not is an owner", []change{{adminBot, role, 100}}, true, false},
			{
				"a bot of a bot that consents is an owner",
				[]change{{adminBot, role, 100}, {adminBot, "bot_owner_id", bot}, {bot, consents, true}},
				true, false,
			},
			{
				"a bot of a stranger who consents is an owner",
				[]change{{adminBot, role, 100}, {adminBot, "bot_owner_id", stranger}, {stranger, consents, true}},
				true, false,
			},
			{
				"one with a bot's owner who is no bot is an owner",
				[]change{{member, role, 100}, {member, "bot_owner_id", admin}, {admin, consents, true}},
				true, false,
			},
			{"a mirror dummy is an owner", []change{{dummy, role, 100}, {dummy, visibility, 4}}, false, true},
		} {
			t.Run(tt.name, func(t *testing.T) {
				reset := w.table("zerver_userprofile")
				w.exec(t, `UPDATE `+reset+` SET allow_private_data_export = false, is_active = true, email_address_visibility = 1`)
				w.exec(t, `UPDATE `+reset+` SET role = 400 WHERE realm_id = 2 AND id <> 10`)
				w.exec(t, `UPDATE `+reset+` SET bot_owner_id = 11 WHERE id = 15`)
				w.set(t, owner, visibility, 4)
				for _, c := range tt.changes {
					w.set(t, c.user, c.column, c.value)
				}
				for typ, want := range map[realmport.ExportType]bool{
					realmport.Public: tt.public, realmport.Standard: tt.standard, realmport.Full: true,
				} {
					if got, err := s.Usable(t.Context(), acme, typ); got != want || err != nil {
						t.Errorf("%v: got %v, %v, want %v", typ, got, err, want)
					}
				}
			})
		}
		_, err := s.Usable(t.Context(), acme, 4)
		wantCode(t, err, realmport.Invalid)
		if got, err := s.Usable(t.Context(), nowhere, realmport.Public); got || err != nil {
			t.Errorf("no organization: got %v, %v", got, err)
		}
	})
}

func TestUsage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.new(t, false)
		want := func(messages, bytes int64) {
			t.Helper()
			got, err := s.Usage(t.Context(), acme)
			if diff := cmp.Diff(realmport.Usage{Messages: messages, UploadBytes: bytes}, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		}
		want(0, 0)
		count := func(realm int64, property string, subgroup any, end time.Time, value int64) {
			t.Helper()
			w.insert(t, "analytics_realmcount", row{
				"realm_id": realm, "property": property, "subgroup": subgroup, "end_time": w.time(end), "value": value,
			})
		}
		upload := func(realm int64, path string, at time.Time, size int64) {
			t.Helper()
			w.insert(t, "zerver_attachment", row{"realm_id": realm, "owner_id": owner, "path_id": path, "create_time": w.time(at), "size": size})
		}
		day := func(n int) time.Time { return start.Truncate(24*time.Hour).AddDate(0, 0, n) }
		for i, subgroup := range []string{"public_stream", "private_stream", "private_message", "huddle_message"} {
			count(acme, "messages_sent:message_type:day", subgroup, day(0), int64(1)<<(10*i))
		}
		count(acme, "messages_sent:message_type:day", "public_stream", day(1), 5)
		count(acme, "messages_sent:is_bot:hour", "false", day(1), 7000)
		count(other, "messages_sent:message_type:day", "public_stream", day(1), 90000)
		const messages = 1 + 1<<10 + 1<<20 + 1<<30 + 5
		want(messages, 0)

		// Before there are statistics all attachments count.
		upload(acme, "a", day(-400), 11)
		upload(acme, "b", day(1).Add(-time.Microsecond), 200)
		upload(acme, "c", day(1), 3000)
		upload(other, "d", day(1), 1<<20)
		want(messages, 3211)
		count(acme, "upload_quota_used_bytes::day", nil, day(0), 1<<50)
		count(acme, "upload_quota_used_bytes::day", nil, day(1), 21<<30)
		count(other, "upload_quota_used_bytes::day", nil, day(2), 1)
		want(messages, 21<<30+3000)
	})
}

func TestSetConsent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.new(t, false).SetConsent(t.Context(), member, true, start)
		wantCode(t, err, realmport.NotAllowed)
		s := w.new(t, true)
		for i, step := range []struct{ consents, changed bool }{{false, false}, {true, true}, {true, false}, {false, true}} {
			at := start.Add(time.Duration(i) * time.Second)
			if changed, err := s.SetConsent(t.Context(), member, step.consents, at); changed != step.changed || err != nil {
				t.Errorf("step %d: got %v, %v", i, changed, err)
			}
			if u, err := s.User(t.Context(), member); err != nil || u.Consents != step.consents {
				t.Errorf("step %d: got %+v, %v", i, u, err)
			}
		}
		line := func(second int, from, to bool) auditRow {
			return auditRow{
				Event: 132, Realm: acme, Acting: member, Modified: member, Time: start.Add(time.Duration(second) * time.Second),
				Extra: map[string]any{"1": from, "2": to, "property": "allow_private_data_export"},
			}
		}
		want := []auditRow{line(1, false, true), line(3, true, false)}
		if diff := cmp.Diff(want, audit(t, w)); diff != "" {
			t.Error(diff)
		}
		_, err = s.SetConsent(t.Context(), nobody, true, start)
		wantCode(t, err, realmport.NotFound)
	})
}
