package verify

import (
	"strings"
	"testing"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	leave := func(name string) func(*fixture) { return func(f *fixture) { f.absent = []string{name} } }
	lost := func(name string) []string {
		return []string{name + ": the file is missing, without which the archive cannot be imported"}
	}
	runSpoiled(t, []spoiled{
		{"realm", leave(realmFile), lost(realmFile)},
		{"attachment", leave(attachmentFile), lost(attachmentFile)},
		{"migrations", leave(migrationFile), lost(migrationFile)},
		{"analytics", leave(analyticsFile), []string{"analytics.json: the file is missing, which every export writes"}},
		{"stats", leave(statsFile), []string{"stats.json: the file is missing, which every export writes"}},
		{"uploads", leave("uploads/records.json"), lost("uploads/records.json")},
		{"avatars", leave("avatars/records.json"), lost("avatars/records.json")},
		{"emoji without its list", leave("emoji/records.json"), lost("emoji/records.json")},
		{"no emoji folder", func(f *fixture) {
			delete(f.json, "emoji/records.json")
			delete(f.raw, "emoji/1/emoji/images/60.png")
			f.stats = func(stats object) { stats["emoji_records"] = 0 }
		}, nil},
		{"table of the realm", func(f *fixture) { delete(f.json[realmFile].(object), "zerver_realmfilter") }, []string{
			"realm.json: zerver_realmfilter: the file lacks this table, without which it cannot be imported",
		}},
		{"table in another file", func(f *fixture) { f.json[attachmentFile].(object)["zerver_client"] = []any{} }, []string{
			"attachment.json: zerver_client: this does not belong in the file",
			"attachment.json: zerver_client: stats.json counts 0 rows of this table, which is not in the file",
		}},
		{"no version", func(f *fixture) { delete(f.json[migrationFile].(object), "zulip_version") }, []string{
			"migration_status.json: zulip_version is missing, without which the archive cannot be imported",
		}},
		{"no migrations", func(f *fixture) { delete(f.json[migrationFile].(object), "migrations_by_app") }, []string{
			"migration_status.json: migrations_by_app is missing, without which the archive cannot be imported",
		}},
		{"consent is no list of ids", func(f *fixture) { f.raw[consentFile] = `["x"]` }, []string{
			"consented_user_ids.json: holds a string where it should hold a user's id (near byte N); it was not read further",
		}},
	})
}

func TestRecords(t *testing.T) {
	t.Parallel()
	set := func(folder, key string, value any) func(*fixture) {
		return func(f *fixture) { f.record(folder)[key] = value }
	}
	recordsFirst := func(spoil func(*fixture)) func(*fixture) {
		return func(f *fixture) {
			f.order = []string{"uploads/records.json"}
			spoil(f)
		}
	}
	runSpoiled(t, []spoiled{
		{"lost file", func(f *fixture) { delete(f.raw, "avatars/1/hash.png") }, []string{
			`avatars/records.json: record 1: the file "avatars/1/hash.png" is not in the archive`,
		}},
		{"file nobody names", func(f *fixture) { f.raw["avatars/1/other.png"] = "x" }, []string{
			"avatars/1/other.png: no record of avatars/records.json names this file",
		}},
		{"size", set("uploads", "size", 6), []string{
			`uploads/records.json: record 1: the file "uploads/1/ab/x/note.txt" has 5 bytes, and 6 by its record`,
		}},
		{"size, record first", recordsFirst(set("uploads", "size", 6)), []string{
			"uploads/1/ab/x/note.txt: the file has 5 bytes, and 6 by its record",
		}},
		{"path leads out", set("realm_icons", "path", "../../etc/passwd"), []string{
			`realm_icons/records.json: record 1: the record's path "../../etc/passwd" will not do: the name leads out of the folder that the archive is unpacked in`,
			"realm_icons/1/icon.png: no record of realm_icons/records.json names this file",
		}},
		{"upload without an attachment", func(f *fixture) {
			f.json[attachmentFile].(object)["zerver_attachment"] = []any{}
		}, []string{`uploads/records.json: record 1: no attachment has the path_id "1/ab/x/note.txt"`}},
		{"attachment without an upload", func(f *fixture) {
			f.put(attachmentFile, "zerver_attachment", `{"id": 71, "path_id": "1/x", "owner": 10, "realm": 1, "create_time": 1,
				"messages": [102], "scheduled_messages": []}`)
		}, []string{`attachment.json: zerver_attachment 71: uploads/records.json has no file "1/x"`}},
		{"key is missing", func(f *fixture) { delete(f.record("avatars"), "avatar_version") }, []string{
			"avatars/records.json: record 1: the row has no avatar_version, without which it cannot be imported (rows like this: 1)",
		}},
		{"author only in the first", func(f *fixture) {
			name := "emoji" + recordsName
			f.json[name] = append(f.json[name].([]any), object{"realm_id": 1, "path": "1/b", "s3_path": "1/b", "file_name": "b"})
			f.raw["emoji/1/b"] = "b"
		}, []string{"emoji/records.json: record 2: the first record has an author and this one has none, on which an import fails"}},
		{"no author at all", func(f *fixture) { delete(f.record("emoji"), "author") }, nil},
		{"record is no object", func(f *fixture) {
			f.json["emoji"+recordsName] = append(f.json["emoji"+recordsName].([]any), "x")
		}, []string{"emoji/records.json: record 2: the record is a string instead of an object"}},
	})
}

func TestStats(t *testing.T) {
	t.Parallel()
	stats := func(change func(object)) func(*fixture) { return func(f *fixture) { f.stats = change } }
	runSpoiled(t, []spoiled{
		{"rows", stats(func(s object) { s["realm"].(object)["zerver_client"] = 2 }), []string{
			"realm.json: zerver_client: there are 1 rows, and 2 by stats.json",
		}},
		{"table not counted", stats(func(s object) { delete(s["analytics"].(object), "analytics_usercount") }), []string{
			"analytics.json: analytics_usercount: stats.json does not count this table, which has 1 rows",
		}},
		{"table not there", stats(func(s object) { s["realm"].(object)["zerver_draft"] = 3 }), []string{
			"realm.json: zerver_draft: stats.json counts 3 rows of this table, which is not in the file",
		}},
		{"messages", stats(func(s object) { s["messages-000002"].(object)["zerver_usermessage"] = 9 }), []string{
			m2 + ": there are 1 messages and 1 usermessages, and 1 and 9 by stats.json",
		}},
		{"file not counted", stats(func(s object) { delete(s, "messages-000002") }), []string{
			m2 + ": stats.json does not name this file",
		}},
		{"file not there", stats(func(s object) { s["extra"] = object{} }), []string{
			`stats.json: the file "extra.json" is named, which is not in the archive`,
		}},
		{"records", stats(func(s object) { s["avatars_records"] = 4 }), []string{
			"avatars/records.json: there are 1 records, and 4 by stats.json",
		}},
		{"records not counted", stats(func(s object) { delete(s, "realm_icons_records") }), []string{
			"stats.json: the number realm_icons_records is missing",
		}},
		{"no number", stats(func(s object) { s["realm"].(object)["zerver_client"] = "one" }), []string{
			`stats.json: gives something other than a number of rows for "realm/zerver_client" (near byte N); it was not read further`,
		}},
	})
}

// anyByte hides where a file was given up.
func anyByte(line string) string {
	before, after, ok := strings.Cut(line, "near byte ")
	if !ok {
		return line
	}
	return before + "near byte N" + strings.TrimLeft(after, "0123456789")
}
