package verify

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// object is a JSON object.
type object = map[string]any

// fixture is an archive in the making. It begins valid and minimal; a test spoils one thing.
type fixture struct {
	json    map[string]any    // JSON files by name
	raw     map[string]string // other files, or JSON files byte for byte
	absent  []string          // files to leave out
	order   []string          // files to put first
	stats   func(object)      // changes stats.json, which follows the files
	headers func(*tar.Header) // changes headers
	extra   []tarMember       // put at the end
}

type tarMember struct {
	header tar.Header
	body   string
}

// minimal returns a valid archive with a row in most tables.
func minimal() *fixture {
	f := &fixture{json: map[string]any{}, raw: map[string]string{
		"uploads/1/ab/x/note.txt": "hello", "avatars/1/hash.png": "png", "emoji/1/emoji/images/60.png": "emoji",
		"realm_icons/1/icon.png": "icon",
	}}
	for name, text := range map[string]string{
		realmFile: realmText, "messages-000001.json": firstMessages, "messages-000002.json": secondMessages,
		attachmentFile: attachmentText, analyticsFile: analyticsText,
		migrationFile:          `{"migrations_by_app": {"zerver": ["[X] 0001_initial"]}, "zulip_version": "11.0-dev+git"}`,
		"uploads/records.json": `[{"realm_id": 1, "user_profile_id": 10, "user_profile_email": "a@x.test", "s3_path": "1/ab/x/note.txt", "path": "1/ab/x/note.txt", "size": 5, "last_modified": 1.5, "content_type": null}]`,
		"avatars/records.json": `[{"realm_id": 1, "user_profile_id": 10, "avatar_version": 1, "s3_path": "1/hash.png", "path": "1/hash.png", "size": 3}]`,
		"emoji/records.json":   `[{"realm_id": 1, "author": 10, "path": "1/emoji/images/60.png", "s3_path": "1/emoji/images/60.png", "file_name": "60.png", "name": "party", "deactivated": false}]`,
		// The S3 backend keeps icons in a folder more.
		"realm_icons/records.json": `[{"realm_id": 1, "path": "1/icon.png", "s3_path": "1/icon.png"}]`,
	} {
		f.json[name] = decoded(text)
	}
	settings := f.row(realmFile, "zerver_realm", 0)
	for _, t := range []struct{ table, file string }{{"zerver_realm", realmFile}, {"zerver_stream", realmFile}, {"zerver_namedusergroup", realmFile}} {
		for _, field := range newTable(t.table, "", &budget{}).fields {
			if field.recent {
				f.row(t.file, t.table, 0)[field.key] = 40
			}
		}
	}
	settings["moderation_request_channel"] = nil
	return f
}

const realmText = `{
"zerver_realm": [{"id": 1, "string_id": "demo", "date_created": 1.5, "deactivated": false, "new_stream_announcements_stream": 20,
	"signup_announcements_stream": null, "zulip_update_announcements_stream": null, "scheduled_deletion_date": null}],
"zerver_realmauthenticationmethod": [{"id": 1, "realm": 1, "name": "Email"}],
"zerver_presencesequence": [{"id": 1, "realm": 1, "last_update_id": 0}],
"zerver_scheduledmessage": [{"id": 80, "sender": 10, "recipient": 31, "sending_client": 1, "stream": 20, "realm": 1,
	"delivered_message": null, "scheduled_timestamp": 7, "has_attachment": true, "content": "later", "rendered_content": "later"}],
"zerver_defaultstream": [{"id": 1, "realm": 1, "stream": 20}],
"zerver_customprofilefield": [{"id": 90, "realm": 1, "name": "Job"}],
"zerver_realmauditlog": [{"id": 1, "event_time": 1.5, "realm": 1, "acting_user": null, "modified_user": 10, "modified_stream": 20,
	"modified_user_group": 40, "extra_data": {"1": {"2": [3]}}}],
"zerver_realmemoji": [{"id": 60, "author": 10, "realm": 1, "name": "party", "file_name": "60.png"}],
"zerver_realmdomain": [], "zerver_realmexport": [], "zerver_realmfilter": [], "zerver_realmplayground": [],
"zerver_realmuserdefault": [{"id": 1, "realm": 1}],
"zerver_onboardingusermessage": [{"id": 1, "realm": 1, "message": 100, "flags_mask": 2}],
"zerver_userprofile": [{"id": 10, "realm": 1, "recipient": 30, "bot_owner": null, "default_sending_stream": null,
	"default_events_register_stream": null, "last_active_message_id": 999, "date_joined": 1, "last_login": null, "last_reminder": null,
	"groups": [], "user_permissions": [], "delivery_email": "a@x.test", "email": "a@x.test", "is_bot": false}],
"zerver_userprofile_mirrordummy": [{"id": 11, "realm": 1, "recipient": 32, "bot_owner": 10, "default_sending_stream": null,
	"default_events_register_stream": null, "last_active_message_id": null, "date_joined": 1, "last_login": 2.5, "last_reminder": null,
	"groups": [], "user_permissions": [], "delivery_email": "b@x.test", "email": "b@x.test", "is_bot": true}],
"zerver_userprofile_crossrealm": [{"email": "welcome-bot@zulip.com", "id": 5, "recipient_id": 50}],
"zerver_huddle": [{"id": 95, "huddle_hash": "h", "recipient": 33, "group_size": 2}],
"zerver_customprofilefieldvalue": [{"id": 1, "user_profile": 10, "field": 90, "value": "x"}],
"zerver_muteduser": [{"id": 1, "user_profile": 10, "muted_user": 11, "date_muted": 3}],
"zerver_useractivity": [{"id": 1, "user_profile": 10, "client": 1, "query": "q", "count": 1, "last_visit": 4}],
"zerver_useractivityinterval": [{"id": 1, "user_profile": 10, "start": 1, "end": 2.5}],
"zerver_userpresence": [{"id": 1, "user_profile": 10, "realm": 1, "last_connected_time": null, "last_active_time": 3.5}],
"zerver_userstatus": [{"id": 1, "user_profile": 10, "timestamp": 1, "client": 1, "reaction_type": "unicode_emoji", "emoji_code": "", "emoji_name": ""}],
"zerver_usergroup": [{"id": 40, "realm": 1}],
"zerver_usergroupmembership": [{"id": 1, "user_group": 40, "user_profile": 10}],
"zerver_groupgroupmembership": [{"id": 1, "supergroup": 40, "subgroup": 40}],
"zerver_namedusergroup": [{"id": 40, "usergroup_ptr": 40, "creator": 10, "realm_for_sharding": 1, "date_created": null, "name": "g",
	"description": "", "is_system_group": false, "deactivated": false}],
"zerver_stream": [{"id": 20, "realm": 1, "creator": 10, "recipient": 31, "date_created": 2, "description": ""}],
"zerver_recipient": [{"id": 30, "type_id": 10, "type": 1}, {"id": 31, "type_id": 20, "type": 2}, {"id": 32, "type_id": 11, "type": 1},
	{"id": 33, "type_id": 95, "type": 3}],
"zerver_subscription": [{"id": 1, "user_profile": 10, "recipient": 31}],
"zerver_reaction": [{"id": 1, "user_profile": 11, "emoji_name": "party", "reaction_type": "realm_emoji", "emoji_code": "60", "message": 100},
	{"id": 2, "user_profile": 11, "emoji_name": "tada", "reaction_type": "unicode_emoji", "emoji_code": "1f389", "message": 102}],
"zerver_client": [{"id": 1, "name": "website"}]
}`

const firstMessages = `{"zerver_message": [
	{"id": 100, "sender": 10, "recipient": 31, "realm": 1, "sending_client": 1, "date_sent": 1.25, "last_edit_time": null, "has_attachment": true,
		"content": "a \"quoted\" \\ text\nwith [brackets] {and} more", "rendered_content": "<p>a</p>"},
	{"id": 101, "sender": 10, "recipient": 50, "realm": 1, "sending_client": 1, "date_sent": 2, "last_edit_time": 3.5, "has_attachment": false,
		"content": "to the bot", "rendered_content": null}],
"zerver_usermessage": [{"id": 500, "user_profile": 10, "message": 100, "flags_mask": 1}, {"user_profile": 10, "message": 101, "flags_mask": 1}]}`

const secondMessages = `{"zerver_message": [
	{"id": 102, "sender": 5, "recipient": 33, "realm": 1, "sending_client": 1, "date_sent": 3, "last_edit_time": null, "has_attachment": false,
		"content": "", "rendered_content": ""}],
"zerver_usermessage": [{"id": 400, "user_profile": 10, "message": 102, "flags_mask": 0}]}`

const attachmentText = `{"zerver_attachment": [{"id": 70, "file_name": "note.txt", "path_id": "1/ab/x/note.txt", "owner": 10, "realm": 1,
	"create_time": 1, "size": 5, "content_type": null, "messages": [100], "scheduled_messages": [80]}]}`

const analyticsText = `{"analytics_realmcount": [{"id": 1, "property": "p", "subgroup": null, "end_time": 1, "value": 1, "realm": 1}],
"analytics_usercount": [{"id": 1, "end_time": 1, "value": 1, "user": 11, "realm": 1}],
"analytics_streamcount": [{"id": 1, "end_time": 1, "value": 1, "stream": 20, "realm": 1}]}`

func decoded(text string) any {
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		panic(fmt.Sprintf("fixture %s: %v", text, err))
	}
	return v
}

// row returns a row of a file, to be changed.
func (f *fixture) row(file, table string, i int) object {
	return f.json[file].(object)[table].([]any)[i].(object)
}

// record returns the first record of a folder.
func (f *fixture) record(folder string) object {
	return f.json[folder+recordsName].([]any)[0].(object)
}

// put appends a row, written as JSON.
func (f *fixture) put(file, table, row string) {
	tables := f.json[file].(object)
	tables[table] = append(tables[table].([]any), decoded(row))
}

// set replaces a value of a row.
func (f *fixture) set(file, table string, i int, key string, value any) {
	f.row(file, table, i)[key] = value
}

// counted makes the stats.json of the files.
func (f *fixture) counted() object {
	stats := object{}
	for name, v := range f.json {
		if folder, ok := strings.CutSuffix(name, recordsName); ok {
			stats[folder+"_records"] = len(v.([]any))
		}
		if _, isData := f.rowsOf(name); isData {
			counts := object{}
			for table, rows := range v.(object) {
				if list, ok := rows.([]any); ok {
					counts[table] = len(list)
				}
			}
			stats[strings.TrimSuffix(name, ".json")] = counts
		}
	}
	return stats
}

func (f *fixture) rowsOf(name string) (object, bool) {
	_, isMessages := messageNumber(name)
	tables, ok := f.json[name].(object)
	return tables, ok && (isMessages || slices.Contains([]string{realmFile, attachmentFile, analyticsFile}, name))
}

// members returns the files of the archive.
func (f *fixture) members(tb testing.TB) []tarMember {
	tb.Helper()
	files := maps.Clone(f.raw)
	stats := f.counted()
	if f.stats != nil {
		f.stats(stats)
	}
	f.json[statsFile] = stats
	for name, v := range f.json {
		if _, ok := files[name]; ok {
			continue
		}
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			tb.Fatal(err)
		}
		files[name] = string(b)
	}
	names := slices.Sorted(maps.Keys(files))
	names = append(slices.Clone(f.order), slices.DeleteFunc(names, func(s string) bool { return slices.Contains(f.order, s) })...)
	list := []tarMember{{header: tar.Header{Name: "demo/", Typeflag: tar.TypeDir, Mode: 0o700}}}
	for _, name := range names {
		if !slices.Contains(f.absent, name) {
			list = append(list, regular("demo/"+name, files[name]))
		}
	}
	return append(list, f.extra...)
}

// regular makes a file.
func regular(name, body string) tarMember {
	return tarMember{header: tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(body))}, body: body}
}

// tarball makes the tar.
func (f *fixture) tarball(tb testing.TB) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range f.members(tb) {
		header := m.header
		if f.headers != nil {
			f.headers(&header)
		}
		if err := w.WriteHeader(&header); err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write([]byte(m.body)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// build makes the archive.
func (f *fixture) build(tb testing.TB) []byte {
	tb.Helper()
	return zipped(tb, f.tarball(tb))
}

func zipped(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// verified verifies an archive that can be read.
func verified(tb testing.TB, data []byte) *Report {
	tb.Helper()
	report, err := Verify(context.Background(), bytes.NewReader(data), int64(len(data)), Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return report
}

// lines returns the problems as text.
func lines(report *Report) []string {
	var list []string
	for _, p := range report.Problems {
		list = append(list, anyByte(p.String()))
	}
	return list
}
