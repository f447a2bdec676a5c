package importer_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/demo"
)

func TestUnknownKeysAreKept(t *testing.T) {
	t.Parallel()
	s := changed(t, func(p *parts) {
		p.set(realmJSON, "zerver_stream", "subscriber_count", 17)
		p.rows(realmJSON, "zerver_reaction", func(rows []any) []any {
			for _, r := range rows {
				r.(object)["always_null"] = nil
			}
			return rows
		})
		p.set(realmJSON, "zerver_client", "mixed", []any{json.Number("1.50"), object{"a": nil}, "text"})
		p.set(realmJSON, "zerver_client", "Not A Name", 1)
		p.tables(realmJSON, func(t object) { t["zerver_invention"] = []any{object{"id": 1}, object{"id": 2}} })
	})
	s.warned(t, "subscriber_count", "zerver_stream", "kept")
	s.warned(t, `"Not A Name"`, "1 values are not imported")
	s.warned(t, "zerver_invention", "2 rows are not imported")
	lists := unpack(t, s.exportedAgain(t)).lists(t)
	counts := map[string]int{}
	for _, r := range lists["zerver_stream"] {
		counts[fmt.Sprint(r["subscriber_count"])]++
	}
	if counts["17"] != 1 || counts["<nil>"] != len(lists["zerver_stream"])-1 {
		t.Errorf("got subscriber counts %v", counts)
	}
	for id, r := range lists["zerver_reaction"] {
		if v, ok := r["always_null"]; !ok || v != nil {
			t.Errorf("reaction %s: got %v, want null", id, v)
		}
	}
	found := false
	for _, r := range lists["zerver_client"] {
		found = found || cmp.Equal(r["mixed"], any([]any{json.Number("1.50"), object{"a": nil}, "text"}))
	}
	if !found {
		t.Errorf("the value of several kinds did not come back: %v", lists["zerver_client"])
	}
}

func TestMissingKeysGetDefaults(t *testing.T) {
	t.Parallel()
	drop := func(keys ...string) func([]any) []any {
		return func(rows []any) []any {
			for _, r := range rows {
				for _, key := range keys {
					delete(r.(object), key)
				}
			}
			return rows
		}
	}
	s := changed(t, func(p *parts) {
		p.rows(realmJSON, "zerver_realm", drop("can_add_subscribers_group", "invite_required", "max_invites", "create_multiuse_invite_group", "uuid"))
		p.rows(realmJSON, "zerver_stream", drop("can_send_message_group", "is_recently_active", "message_retention_days"))
		p.rows(realmJSON, "zerver_namedusergroup", drop("can_leave_group", "realm_for_sharding"))
		p.rows(realmJSON, "zerver_userprofile", drop("web_font_size_px", "hide_ai_features"))
		p.rows(messagesJSON, "zerver_message", drop("type", "has_image"))
		p.tables(realmJSON, func(t object) {
			delete(t, "zerver_presencesequence")
			delete(t, "zerver_onboardingstep")
			delete(t, "zerver_realmuserdefault")
		})
		delete(p.files, "analytics.json")
	})
	s.warned(t, "zerver_stream", "can_send_message_group", "defaults")
	lists := unpack(t, s.exportedAgain(t)).lists(t)
	groups := map[string]any{}
	for _, g := range lists["zerver_namedusergroup"] {
		groups[g["name"].(string)] = g["id"]
	}
	for _, g := range lists["zerver_namedusergroup"] {
		if g["can_leave_group"] != groups["role:nobody"] {
			t.Errorf("group %v may be left by group %v", g["name"], g["can_leave_group"])
		}
	}
	for _, g := range lists["zerver_stream"] {
		if g["can_send_message_group"] != groups["role:everyone"] || g["is_recently_active"] != true || g["message_retention_days"] != nil {
			t.Errorf("stream %v has other defaults", g)
		}
	}
	for _, r := range lists["zerver_realm"] {
		if r["can_add_subscribers_group"] != groups["role:members"] || r["create_multiuse_invite_group"] != groups["role:administrators"] ||
			r["invite_required"] != true || len(r["uuid"].(string)) != 36 {
			t.Errorf("organization %v has other defaults", r)
		}
	}
	for _, u := range lists["zerver_userprofile"] {
		if u["web_font_size_px"] != json.Number("16") || u["hide_ai_features"] != false {
			t.Errorf("user %v has other defaults: %v, %v", u["id"], u["web_font_size_px"], u["hide_ai_features"])
		}
	}
	for _, m := range lists["zerver_message"] {
		if m["type"] != json.Number("1") || m["has_image"] != false {
			t.Errorf("message %v has other defaults", m["id"])
		}
	}
	if len(lists["zerver_realmuserdefault"]) != 1 || len(lists["zerver_presencesequence"]) != 1 {
		t.Error("rows that every organization has were not made")
	}
}

// TestGroupsOfOldArchives takes an archive of before the groups were in two tables.
func TestGroupsOfOldArchives(t *testing.T) {
	t.Parallel()
	s := changed(t, func(p *parts) {
		p.tables(realmJSON, func(tables object) {
			var groups []any
			for _, g := range tables["zerver_usergroup"].([]any) {
				if !slices.ContainsFunc(tables["zerver_namedusergroup"].([]any), func(n any) bool { return n.(object)["id"] == g.(object)["id"] }) {
					groups = append(groups, g)
				}
			}
			for _, g := range tables["zerver_namedusergroup"].([]any) {
				g := g.(object)
				groups = append(groups, object{
					"id": g["id"], "realm": g["realm_for_sharding"], "name": g["name"], "description": g["description"],
					"is_system_group": g["is_system_group"], "can_mention_group": g["can_mention_group"], "direct_members": []any{},
				})
			}
			tables["zerver_usergroup"] = groups
			delete(tables, "zerver_namedusergroup")
		})
	})
	want := unpack(t, rulesArchive(t, realmport.Full)).lists(t)["zerver_namedusergroup"]
	got := unpack(t, s.exportedAgain(t)).lists(t)
	if len(got["zerver_namedusergroup"]) != len(want) {
		t.Fatalf("got %d named groups, want %d", len(got["zerver_namedusergroup"]), len(want))
	}
	for id, g := range want {
		for _, key := range []string{"name", "description", "is_system_group", "can_mention_group", "usergroup_ptr", "realm_for_sharding"} {
			if diff := cmp.Diff(g[key], got["zerver_namedusergroup"][id][key]); diff != "" {
				t.Errorf("group %s, %s (-want +got):\n%s", id, key, diff)
			}
		}
	}
}

// TestWhatZulipLeavesDangling takes references that Zulip's own exporter writes although they lead out of the archive.
func TestWhatZulipLeavesDangling(t *testing.T) {
	t.Parallel()
	s := changed(t, func(p *parts) {
		p.set(realmJSON, "zerver_onboardingusermessage", "message", 4711)
		p.rows(realmJSON, "zerver_subscription", func(rows []any) []any { // to a channel: the others say which recipients there are
			for _, r := range rows {
				if r.(object)["recipient"] == json.Number(fmt.Sprint(demo.ChannelRecipient(demo.General))) {
					r.(object)["user_profile"] = 4712
					break
				}
			}
			return rows
		})
		p.set(realmJSON, "zerver_scheduledmessage", "delivered_message", 4713)
		p.set(realmJSON, "zerver_realmauditlog", "acting_user", 4714)
		p.rows(realmJSON, "zerver_realmauditlog", func(rows []any) []any {
			rows[1].(object)["modified_user"] = 4715
			return rows
		})
		p.rows(realmJSON, "zerver_recipient", func(rows []any) []any { // of a user who is not subscribed to themselves
			return slices.DeleteFunc(rows, func(r any) bool {
				return r.(object)["id"] == json.Number(fmt.Sprint(demo.PersonalRecipient(demo.Dave)))
			})
		})
	})
	if s.summary.LeftOut != 5 {
		t.Errorf("%d references were settled, want 5", s.summary.LeftOut)
	}
	s.warned(t, "zerver_onboardingusermessage", "message 4711", "left out")
	s.warned(t, "zerver_subscription", "user_profile 4712", "left out")
	s.warned(t, "zerver_scheduledmessage", "delivered_message 4713", "emptied")
	s.warned(t, "zerver_realmauditlog", "acting_user 4714", "emptied")
	s.warned(t, "zerver_realmauditlog", "modified_user 4715", "left out")
	before := unpack(t, rulesArchive(t, realmport.Full)).lists(t)
	after := unpack(t, s.exportedAgain(t)).lists(t)
	for list, less := range map[string]int{
		"zerver_onboardingusermessage": 1, "zerver_subscription": 1, "zerver_scheduledmessage": 0, "zerver_realmauditlog": 0, // and its own entry
		"zerver_recipient": 0, "zerver_message": 0,
	} {
		if got, want := len(after[list]), len(before[list])-less; got != want {
			t.Errorf("%s: got %d rows, want %d", list, got, want)
		}
	}
}
