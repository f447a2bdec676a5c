package verify

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// spoiled is an archive with one thing wrong, and what is said about it.
type spoiled struct {
	name  string
	spoil func(*fixture)
	want  []string
}

func runSpoiled(t *testing.T, cases []spoiled) {
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := minimal()
			tc.spoil(f)
			if diff := cmp.Diff(tc.want, lines(verified(t, f.build(t)))); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

const m1, m2 = "messages-000001.json", "messages-000002.json"

func TestReferences(t *testing.T) {
	t.Parallel()
	set := func(file, table string, i int, key string, value any) func(*fixture) {
		return func(f *fixture) { f.set(file, table, i, key, value) }
	}
	runSpoiled(t, []spoiled{
		{"sender", set(m1, "zerver_message", 0, "sender", 99), []string{
			m1 + ": zerver_message 100: sender refers to user 99, which is not in the archive",
		}},
		{"several rows of one id", func(f *fixture) {
			f.set(m1, "zerver_message", 0, "sender", 99)
			f.set(m2, "zerver_message", 0, "sender", 99)
		}, []string{
			m1 + ": zerver_message 100: sender refers to user 99, which is not in the archive",
			m2 + ": zerver_message 102: sender refers to user 99, which is not in the archive",
		}},
		{"recipient", set(m2, "zerver_message", 0, "recipient", 51), []string{
			m2 + ": zerver_message 102: recipient refers to recipient 51, which is not in the archive",
		}},
		{"a system bot's recipient is for messages only", set(realmFile, "zerver_subscription", 0, "recipient", 50), []string{
			"realm.json: zerver_subscription 1: recipient refers to recipient 50, which is not in the archive",
		}},
		{"client", set(m1, "zerver_message", 1, "sending_client", 9), []string{
			m1 + ": zerver_message 101: sending_client refers to client 9, which is not in the archive",
		}},
		{"another realm", set(attachmentFile, "zerver_attachment", 0, "realm", 2), []string{
			"attachment.json: zerver_attachment 70: realm refers to organization 2, which is not in the archive",
		}},
		{"usermessage of a mirror dummy", set(m1, "zerver_usermessage", 0, "user_profile", 11), []string{
			m1 + ": zerver_usermessage 500: user_profile refers to active account 11, which is not in the archive",
		}},
		{"usermessage in another file", set(m2, "zerver_usermessage", 0, "message", 101), []string{
			m2 + ": zerver_usermessage 400: message refers to message 101, which is not in the same file",
		}},
		{"usermessage twice", set(m1, "zerver_usermessage", 1, "message", 100), []string{
			m1 + ": zerver_usermessage: there is another row for user 10 and message 100",
		}},
		{"reaction", set(realmFile, "zerver_reaction", 0, "message", 99), []string{
			"realm.json: zerver_reaction 1: message refers to message 99, which is not in the archive",
		}},
		{"custom emoji", set(realmFile, "zerver_reaction", 0, "emoji_code", "61"), []string{
			`realm.json: zerver_reaction 1: there is no custom emoji with the id "61" and the name "party"`,
		}},
		{"custom emoji of another name", set(realmFile, "zerver_reaction", 0, "emoji_name", "tada"), []string{
			`realm.json: zerver_reaction 1: there is no custom emoji with the id "60" and the name "tada"`,
		}},
		{"custom emoji of a status", set(realmFile, "zerver_userstatus", 0, "reaction_type", "realm_emoji"), []string{
			`realm.json: zerver_userstatus 1: there is no custom emoji with the id "" and the name ""`,
		}},
		{"attachment's messages", set(attachmentFile, "zerver_attachment", 0, "messages", []any{100, 103}), []string{
			"attachment.json: zerver_attachment 70: messages refers to message 103, which is not in the archive",
		}},
		{"attachment's scheduled messages", set(attachmentFile, "zerver_attachment", 0, "scheduled_messages", []any{81}), []string{
			"attachment.json: zerver_attachment 70: scheduled_messages refers to scheduled message 81, which is not in the archive",
		}},
		{"audit row", set(realmFile, "zerver_realmauditlog", 0, "modified_user_group", 41), []string{
			"realm.json: zerver_realmauditlog 1: modified_user_group refers to named user group 41, which is not in the archive",
		}},
		{"onboarding message", set(realmFile, "zerver_onboardingusermessage", 0, "message", 7), []string{
			"realm.json: zerver_onboardingusermessage 1: message refers to message 7, which is not in the archive",
		}},
		{"channel's recipient", set(realmFile, "zerver_recipient", 1, "type_id", 21), []string{
			"realm.json: zerver_recipient 31: type_id refers to channel 21, which is not in the archive",
		}},
		{"group conversation's recipient", set(realmFile, "zerver_recipient", 3, "type_id", 96), []string{
			"realm.json: zerver_recipient 33: type_id refers to group conversation 96, which is not in the archive",
		}},
		{"bot owner in any list", set(realmFile, "zerver_userprofile_mirrordummy", 0, "bot_owner", 5), nil},
		{"setting of the realm", set(realmFile, "zerver_realm", 0, "can_create_groups", 44), []string{
			"realm.json: zerver_realm 1: can_create_groups refers to user group 44, which is not in the archive",
		}},
		{"group without its parent", set(realmFile, "zerver_namedusergroup", 0, "usergroup_ptr", 45), []string{
			"realm.json: zerver_namedusergroup 40: usergroup_ptr refers to user group 45, which is not in the archive",
		}},
		{"profile field", set(realmFile, "zerver_customprofilefieldvalue", 0, "field", 91), []string{
			"realm.json: zerver_customprofilefieldvalue 1: field refers to profile field 91, which is not in the archive",
		}},
		{"analytics", set(analyticsFile, "analytics_streamcount", 0, "stream", 22), []string{
			"analytics.json: analytics_streamcount 1: stream refers to channel 22, which is not in the archive",
		}},
		{"author of a record", func(f *fixture) { f.record("emoji")["author"] = 12 }, []string{
			"emoji/records.json: record 1: author refers to user 12, which is not in the archive",
		}},
		{"table that is not there", func(f *fixture) { delete(f.json[realmFile].(object), "zerver_scheduledmessage") }, []string{
			"attachment.json: zerver_attachment 70: scheduled_messages refers to scheduled message 80, which is not in the archive",
		}},
	})
}

func TestRows(t *testing.T) {
	t.Parallel()
	set := func(file, table string, i int, key string, value any) func(*fixture) {
		return func(f *fixture) { f.set(file, table, i, key, value) }
	}
	without := func(file, table string, key string) func(*fixture) {
		return func(f *fixture) { delete(f.row(file, table, 0), key) }
	}
	runSpoiled(t, []spoiled{
		{"id twice", func(f *fixture) { f.put(realmFile, "zerver_client", `{"id": 1, "name": "b"}`) }, []string{
			"realm.json: zerver_client 1: there is another row with this id",
		}},
		{"id in two user lists", set(realmFile, "zerver_userprofile_crossrealm", 0, "id", 11), []string{
			"realm.json: zerver_userprofile_mirrordummy 11: there is another row with this id",
			m2 + ": zerver_message 102: sender refers to user 5, which is not in the archive",
		}},
		{"no id", without(realmFile, "zerver_defaultstream", "id"), []string{"realm.json: zerver_defaultstream: a row has no id"}},
		{"id is text", set(realmFile, "zerver_defaultstream", 0, "id", "7"), []string{`realm.json: zerver_defaultstream: id is "\"7\"" instead of an integer`}},
		{"negative id", set(realmFile, "zerver_defaultstream", 0, "id", -7), []string{
			"realm.json: zerver_defaultstream -7: the id is beyond any that a server gives",
		}},
		{"reference is a fraction", set(realmFile, "zerver_defaultstream", 0, "stream", 20.5), []string{
			"realm.json: zerver_defaultstream 1: stream is 20.5 instead of the id of a row",
		}},
		{"reference does not fit", set(realmFile, "zerver_defaultstream", 0, "stream", uint64(1<<63)), []string{
			"realm.json: zerver_defaultstream 1: stream is 9223372036854775808 instead of the id of a row",
		}},
		{"reference is null", set(realmFile, "zerver_defaultstream", 0, "stream", nil), []string{
			"realm.json: zerver_defaultstream 1: stream is null instead of the id of a row",
		}},
		{"timestamp is text", set(m1, "zerver_message", 0, "date_sent", "yesterday"), []string{
			m1 + `: zerver_message 100: date_sent is "\"yesterday\"" instead of a number`,
		}},
		{"deletion date is a number", set(realmFile, "zerver_realm", 0, "scheduled_deletion_date", 1.5), []string{
			"realm.json: zerver_realm 1: scheduled_deletion_date is 1.5 instead of a string or null",
		}},
		{"key is missing", without(m1, "zerver_message", "last_edit_time"), []string{
			m1 + ": zerver_message 100: the row has no last_edit_time, without which it cannot be imported (rows like this: 1)",
		}},
		{"group setting is missing", without(realmFile, "zerver_stream", "can_subscribe_group"), []string{
			"realm.json: zerver_stream 20: the row has no can_subscribe_group, without which it cannot be imported (rows like this: 1)",
		}},
		{"group setting that an older server does not have", func(f *fixture) {
			delete(f.row(realmFile, "zerver_stream", 0), "can_subscribe_group")
			f.json[migrationFile].(object)["zulip_version"] = "10.4"
		}, nil},
		{"two realms", func(f *fixture) {
			second := object{}
			for k, v := range f.row(realmFile, "zerver_realm", 0) {
				second[k] = v
			}
			second["id"] = 2
			tables := f.json[realmFile].(object)
			tables["zerver_realm"] = append(tables["zerver_realm"].([]any), second)
		}, []string{"realm.json: zerver_realm: there are 2 rows, and must be one"}},
		{"recipient type", set(realmFile, "zerver_recipient", 3, "type", 4), []string{
			"realm.json: zerver_recipient 33: there is no type 4 of recipients",
		}},
		{"row is no object", func(f *fixture) { f.put(realmFile, "zerver_realmdomain", "7") }, []string{
			"realm.json: zerver_realmdomain: row 1 is a number instead of an object",
		}},
		{"list is no list", set(attachmentFile, "zerver_attachment", 0, "messages", []any{"100"}), []string{
			"attachment.json: zerver_attachment 70: messages is not a list of ids",
		}},
	})
}

func TestMessageFiles(t *testing.T) {
	t.Parallel()
	const m3, m4 = "messages-000003.json", "messages-000004.json"
	rename := func(f *fixture, from, to string) {
		f.json[to] = f.json[from]
		delete(f.json, from)
	}
	runSpoiled(t, []spoiled{
		{"none at all", func(f *fixture) {
			delete(f.json, m1)
			delete(f.json, m2)
			tables := f.json[realmFile].(object)
			tables["zerver_reaction"], tables["zerver_onboardingusermessage"] = []any{}, []any{}
			f.set(attachmentFile, "zerver_attachment", 0, "messages", []any{})
		}, nil},
		{"gap", func(f *fixture) { rename(f, m2, m3) }, []string{
			m2 + ": the file is missing; an import would leave out all messages from there on",
		}},
		{"wide gap at the beginning", func(f *fixture) { rename(f, m1, m3); rename(f, m2, m4) }, []string{
			m1 + ": the file is missing, and all up to messages-000002.json; an import would leave out all messages from there on",
		}},
		{"last one lost", func(f *fixture) { f.absent = []string{m2} }, []string{m2 + ": the file is missing, which stats.json names"}},
		{"out of order over files", func(f *fixture) {
			rename(f, m1, m3)
			rename(f, m2, m1)
			rename(f, m3, m2)
		}, []string{m2 + ": zerver_message 100: this message is older than the last of the files before (102): messages would be imported out of order"}},
		{"out of order in a file", func(f *fixture) {
			rows := f.json[m1].(object)["zerver_message"].([]any)
			rows[0], rows[1] = rows[1], rows[0]
		}, []string{m1 + ": zerver_message 100: the messages of the file are not in the order of their ids: this one follows 101"}},
		{"unusual number", func(f *fixture) { f.raw["messages-3.json"] = "{}" }, []string{
			"messages-3.json: the file is not numbered as an import expects (messages-000001.json), which would leave it out",
		}},
		{"half of a file", func(f *fixture) { delete(f.json[m2].(object), "zerver_usermessage") }, []string{
			m2 + ": zerver_usermessage: the file lacks this table, without which it cannot be imported",
		}},
		{"something else in a file", func(f *fixture) { f.json[m2].(object)["zerver_userprofile_ids"] = []any{} }, []string{
			m2 + ": zerver_userprofile_ids: this does not belong in the file",
		}},
		{"partial", func(f *fixture) { f.raw["messages-000003.json.partial"] = "{}" }, []string{
			"messages-000003.json.partial: the file is a leftover of an export that failed halfway",
		}},
	})
}
