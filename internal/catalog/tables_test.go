package catalog_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/catalog"
)

// TestOrderOfKeys compares with format.md §1.4.
func TestOrderOfKeys(t *testing.T) {
	t.Parallel()
	want := strings.Fields(`zerver_realm zerver_realmauthenticationmethod zerver_presencesequence zerver_scheduledmessage zerver_defaultstream
		zerver_customprofilefield zerver_realmauditlog zerver_realmemoji zerver_realmdomain zerver_realmexport zerver_realmfilter
		zerver_realmplayground zerver_realmuserdefault zerver_onboardingusermessage zerver_userprofile zerver_userprofile_mirrordummy
		zerver_userprofile_crossrealm zerver_service zerver_botstoragedata zerver_botconfigdata zerver_huddle zerver_alertword
		zerver_customprofilefieldvalue zerver_muteduser zerver_onboardingstep zerver_savedsnippet zerver_useractivity
		zerver_useractivityinterval zerver_userpresence zerver_userstatus zerver_usertopic zerver_usergroup zerver_usergroupmembership
		zerver_groupgroupmembership zerver_namedusergroup zerver_stream zerver_recipient zerver_subscription zerver_reaction zerver_client`)
	var got []string
	for _, table := range catalog.Tables() {
		switch {
		case table.File != catalog.RealmFile:
		case table.Keys != nil:
			got = append(got, table.Keys...)
		default:
			got = append(got, table.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys of realm.json (-want +got):\n%s", diff)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	got := map[catalog.File][]string{}
	for _, table := range catalog.Tables() {
		if table.File != catalog.RealmFile {
			got[table.File] = append(got[table.File], table.Name)
		}
		if (table.Rows == nil) != (table.File == catalog.MessagesFile) {
			t.Errorf("%s: rows are selected here: %v, want it for all but the message files", table.Name, table.Rows != nil)
		}
	}
	want := map[catalog.File][]string{
		catalog.AnalyticsFile:  {"analytics_realmcount", "analytics_usercount", "analytics_streamcount"},
		catalog.AttachmentFile: {"zerver_attachment"},
		catalog.MessagesFile:   {"zerver_message", "zerver_usermessage"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("other files (-want +got):\n%s", diff)
	}
}

// TestSelection compares the rules of each type with format.md §2.5.
func TestSelection(t *testing.T) {
	t.Parallel()
	type conds = []realmport.Cond
	const realm = 7
	users, exposed := []int64{1, 2, 3}, map[realmport.ExportType][]int64{realmport.Standard: {2}, realmport.Full: {1, 2, 3}}
	in := func(column string, ids ...int64) conds { return conds{realmport.In{Column: column, IDs: ids}} }
	inRealm := realmport.Equal{Column: "realm_id", Value: int64(realm)}
	same := func(c conds) [3]conds { return [3]conds{c, c, c} }
	private := func(column string) [3]conds { return [3]conds{nil, in(column, 2), in(column, 1, 2, 3)} }
	audit := func(ids ...int64) conds {
		return conds{inRealm, realmport.Or{
			realmport.In{Column: "event_type", IDs: []int64{301, 302, 303}},
			realmport.Null{Column: "modified_user_id"},
			realmport.In{Column: "modified_user_id", IDs: ids},
		}}
	}
	want := map[string][3]conds{ // public, standard, full; nil is no row
		"zerver_realm":                   same(conds{realmport.Equal{Column: "id", Value: int64(realm)}}),
		"zerver_scheduledmessage":        {nil, {inRealm, realmport.In{Column: "sender_id", IDs: []int64{2}}}, {inRealm}},
		"zerver_realmauditlog":           {audit(), audit(2), {inRealm}},
		"zerver_usergroupmembership":     same(in("user_group_id", 11)),
		"zerver_groupgroupmembership":    same(in("supergroup_id", 11)),
		"zerver_service":                 private("user_profile_id"),
		"zerver_botstoragedata":          private("bot_profile_id"),
		"zerver_botconfigdata":           private("bot_profile_id"),
		"zerver_alertword":               private("user_profile_id"),
		"zerver_muteduser":               private("user_profile_id"),
		"zerver_savedsnippet":            private("user_profile_id"),
		"zerver_useractivity":            private("user_profile_id"),
		"zerver_useractivityinterval":    private("user_profile_id"),
		"zerver_userstatus":              private("user_profile_id"),
		"zerver_usertopic":               private("user_profile_id"),
		"zerver_onboardingstep":          private("user_id"),
		"zerver_customprofilefieldvalue": same(in("user_profile_id", 1, 2, 3)),
		"zerver_userpresence":            same(in("user_profile_id", 1, 2, 3)),
		"zerver_huddle":                  same(in("id", 31)),
		"zerver_recipient":               same(in("id", 21)),
		"zerver_subscription":            same(in("recipient_id", 21)),
		"zerver_client":                  same(in("id", 41)),
	}
	for _, table := range catalog.Tables() {
		if table.Rows == nil || table.Via != nil {
			continue
		}
		rules, special := want[table.Name]
		if !special {
			rules = same(conds{inRealm})
		}
		for i, typ := range []realmport.ExportType{realmport.Public, realmport.Standard, realmport.Full} {
			got, some := table.Rows(catalog.Scope{
				Type: typ, Realm: realm, Users: users, Exposed: exposed[typ],
				Groups: []int64{11}, Recipients: []int64{21}, Huddles: []int64{31}, Clients: []int64{41},
			})
			if !some {
				got = nil
			}
			if diff := cmp.Diff(rules[i], got); diff != "" {
				t.Errorf("%s, %v export (-want +got):\n%s", table.Name, typ, diff)
			}
		}
	}
}

// TestSelectionOfNothing asks for rows of an empty organization: a condition on no ids would be a wasted query.
func TestSelectionOfNothing(t *testing.T) {
	t.Parallel()
	for _, table := range catalog.Tables() {
		if table.Rows == nil {
			continue
		}
		conds, some := table.Rows(catalog.Scope{Type: realmport.Full})
		for _, c := range conds {
			if c, ok := c.(realmport.In); ok && some && len(c.IDs) == 0 {
				t.Errorf("%s: got a condition on no ids of %s, want no query", table.Name, c.Column)
			}
		}
	}
}

// TestSecretsAreDropped lists what must never be in an archive.
func TestSecretsAreDropped(t *testing.T) {
	t.Parallel()
	for name, columns := range map[string][]string{
		"zerver_realm":       {"uuid_owner_secret"},
		"zerver_realmexport": {"export_path"},
		"zerver_userprofile": {"password", "api_key", "uuid", "zoom_token", "third_party_api_state"},
		"zerver_message":     {"search_tsvector"},
	} {
		table := catalog.Lookup(catalog.Tables(), name)
		for _, column := range columns {
			if !table.Drops(column) {
				t.Errorf("%s.%s is written", name, column)
			}
		}
		if table.Drops("id") {
			t.Errorf("%s.id is dropped", name)
		}
	}
	if catalog.Lookup(catalog.Tables(), "zerver_draft") != nil {
		t.Error("zerver_draft is exported")
	}
}

// TestEveryTableIsKnown takes the tables of a server: each is exported, a link of an exported one, or ignored.
func TestEveryTableIsKnown(t *testing.T) {
	t.Parallel()
	sql, err := os.ReadFile("../schema/tables.sql")
	if err != nil {
		t.Fatal(err)
	}
	var exported, links []string
	for _, table := range catalog.Tables() {
		if slices.Contains(exported, table.Name) {
			t.Errorf("%s is there twice", table.Name)
		}
		exported = append(exported, table.Name)
		for _, l := range table.Links {
			links = append(links, l.Table)
		}
	}
	found := regexp.MustCompile(`(?m)^CREATE TABLE (?:\w+\.)?"?(\w+)`).FindAllSubmatch(sql, -1)
	if len(found) < 40 {
		t.Fatalf("found %d tables, want a server's", len(found))
	}
	for _, m := range found {
		name, n := string(m[1]), 0
		for _, is := range []bool{slices.Contains(exported, name), slices.Contains(links, name), catalog.Ignored(name)} {
			if is {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is in %d of the lists, want 1", name, n)
		}
	}
	for _, table := range append(exported, links...) {
		if catalog.Ignored(table) {
			t.Errorf("%s is exported and ignored", table)
		}
	}
	for name := range catalog.RequiredColumns() {
		if !slices.Contains(exported, name) {
			t.Errorf("columns of %s are required, which is not exported", name)
		}
	}
}

// TestIgnored compares with format.md §2.1.
func TestIgnored(t *testing.T) {
	t.Parallel()
	for _, name := range strings.Fields(`zerver_emailchangestatus zerver_multiuseinvite zerver_multiuseinvite_streams zerver_multiuseinvite_groups
		zerver_preregistrationrealm zerver_preregistrationuser zerver_preregistrationuser_streams zerver_preregistrationuser_groups
		zerver_realmreactivationstatus zerver_missedmessageemailaddress zerver_channelemailaddress zerver_scheduledmessagenotificationemail
		zerver_scheduledemail zerver_scheduledemail_users zerver_pushdevicetoken two_factor_phonedevice otp_static_staticdevice
		otp_static_statictoken otp_totp_totpdevice zerver_archivedmessage zerver_archivedusermessage zerver_archivedattachment
		zerver_archivedattachment_messages zerver_archivedreaction zerver_archivedsubmessage zerver_archivetransaction social_auth_association
		social_auth_code social_auth_nonce social_auth_partial social_auth_usersocialauth analytics_installationcount analytics_fillstate
		zerver_defaultstreamgroup zerver_defaultstreamgroup_streams zerver_submessage zerver_draft zerver_imageattachment auth_group
		auth_group_permissions auth_permission django_content_type django_session confirmation_confirmation confirmation_realmcreationkey
		fts_update_log zilencer_remotezulipserver corporate_customer`) {
		if !catalog.Ignored(name) {
			t.Errorf("%s is not ignored", name)
		}
	}
	for _, name := range []string{"zerver_newfeature", "zerver_userprofile_groups", "message", ""} {
		if catalog.Ignored(name) {
			t.Errorf("%q is ignored", name)
		}
	}
}
