package importer_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/importer"
)

const (
	realmJSON    = "realm.json"
	messagesJSON = "messages-000001.json"
)

func hostile() map[string]struct {
	change func(p *parts)
	want   string
} {
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Size: 1} }
	last := func(h tar.Header) func(*parts) { return func(p *parts) { p.last = append(p.last, h) } }
	set := func(name, list, key string, value any) func(*parts) {
		return func(p *parts) { p.set(name, list, key, value) }
	}
	duplicate := func(rows []any) []any { return append(rows, rows[0]) }
	return map[string]struct {
		change func(p *parts)
		want   string
	}{
		"name out of the root":   {last(file("root/../../evil")), `root/../../evil: the name leads out of the folder`},
		"absolute name":          {last(file("/tmp/evil")), `/tmp/evil: the name is an absolute path`},
		"backslash":              {last(file(`root/uploads\evil`)), `has a backslash`},
		"two roots":              {last(file("other/realm.json")), `other/realm.json: the member is outside the archive's root folder "root"`},
		"no root":                {last(file("realm.json")), `realm.json: the member is outside`},
		"link":                   {last(tar.Header{Name: "root/uploads/x", Typeflag: tar.TypeSymlink, Linkname: "/etc"}), `root/uploads/x: the member is a link (to "/etc")`},
		"hard link":              {last(tar.Header{Name: "root/uploads/x", Typeflag: tar.TypeLink, Linkname: "root/realm.json"}), `is a link`},
		"device":                 {last(tar.Header{Name: "root/uploads/x", Typeflag: tar.TypeChar}), `neither a file nor a folder`},
		"pipe":                   {last(tar.Header{Name: "root/uploads/x", Typeflag: tar.TypeFifo}), `neither a file nor a folder`},
		"file twice":             {last(file("root/uploads/records.json")), `uploads/records.json: the archive has two files of this name`},
		"tables twice":           {last(file("root/realm.json")), `realm.json: the archive has two files of this name`},
		"messages twice":         {last(file("root/messages-000001.json")), `messages-000001.json: the archive has two files of this name`},
		"file as a folder":       {last(file("root/uploads/records.json/x")), `used for a file and for a folder`},
		"file without a record":  {last(file("root/uploads/2/x/stray.txt")), `uploads/2/x/stray.txt: uploads/records.json does not name this file`},
		"name too long":          {last(file("root/uploads/" + strings.Repeat("x", 5000))), `a name is too long`},
		"half an export":         {last(file("root/messages-000002.json.partial")), `leftover of an export that failed halfway`},
		"unnumbered messages":    {last(file("root/messages-2.json")), `not numbered as an archive's are`},
		"no tables":              {func(p *parts) { delete(p.files, realmJSON) }, `the archive has no realm.json`},
		"no attachments":         {func(p *parts) { delete(p.files, "attachment.json") }, `the archive has no attachment.json`},
		"no version":             {func(p *parts) { delete(p.files, "migration_status.json") }, `the archive has no migration_status.json`},
		"no messages in between": {func(p *parts) { p.files["messages-000003.json"] = []byte(`{}`) }, `has messages-000003.json and not messages-000002.json`},

		"two organizations":     {func(p *parts) { p.rows(realmJSON, "zerver_realm", duplicate) }, `realm.json: zerver_realm 2: the archive has a second organization`},
		"no organization":       {func(p *parts) { p.rows(realmJSON, "zerver_realm", func([]any) []any { return nil }) }, `it is null where an array should be`},
		"organization not told": {func(p *parts) { p.tables(realmJSON, func(t object) { t["zerver_realm"] = []any{} }) }, `has no organization`},
		"row of another organization": {
			set(realmJSON, "zerver_defaultstream", "realm", 1),
			`key realm: it is organization 1, and the archive is of organization 2`,
		},
		"same id":         {func(p *parts) { p.rows(realmJSON, "zerver_reaction", duplicate) }, `realm.json: zerver_reaction`},
		"same user":       {func(p *parts) { p.rows(realmJSON, "zerver_userprofile", duplicate) }, `two rows with the id 10`},
		"bot is a user":   {set(realmJSON, "zerver_userprofile_crossrealm", "id", 10), `there is another user with the id 10`},
		"recipient twice": {func(p *parts) { p.rows(realmJSON, "zerver_recipient", duplicate) }, `two rows with the id`},
		"dangling sender": {set(messagesJSON, "zerver_message", "sender", 4711), `sender_id`},
		"dangling client": {set(messagesJSON, "zerver_message", "sending_client", 4711), `sending_client_id`},
		"dangling link":   {set("attachment.json", "zerver_attachment", "messages", []int{4711}), `zerver_attachment_messages`},
		"dangling group":  {set(realmJSON, "zerver_stream", "can_send_message_group", 4711), `can_send_message_group_id`},

		"text for a number":  {set(messagesJSON, "zerver_message", "sender", "10"), `key sender: it is a text where an integer should be`},
		"number for a text":  {set(messagesJSON, "zerver_message", "content", 5), `key content: it is a number where a text should be`},
		"float for a number": {set(messagesJSON, "zerver_message", "type", 1.5), `key type: it is "1.5" where an integer of at most 64 bits should be`},
		"number for a truth": {set(messagesJSON, "zerver_message", "has_link", 1), `key has_link: it is a number where true or false should be`},
		"list for a time":    {set(messagesJSON, "zerver_message", "date_sent", []int{}), `key date_sent: it is an array where a time`},
		"word for a time":    {set(messagesJSON, "zerver_message", "date_sent", "today"), `key date_sent: it is "today", which is no time`},
		"object for a list":  {set("attachment.json", "zerver_attachment", "messages", object{}), `key messages: it is an object where a list of ids should be`},
		"texts in a list":    {set("attachment.json", "zerver_attachment", "messages", []string{"1"}), `key messages: it holds a text where ids should be`},
		"null":               {set(messagesJSON, "zerver_message", "content", nil), `key content: it is null, and must not be`},
		"no reference":       {func(p *parts) { p.replace(messagesJSON, `"sender":`, `"sender_":`) }, `key sender: it is missing, and has no default`},
		"no id":              {func(p *parts) { p.replace(messagesJSON, `{"id":`, `{"idd":`) }, `messages-000001.json: zerver_message, row 1: the row has no id`},
		"negative id":        {set(messagesJSON, "zerver_message", "id", -5), `key id: -5 is no id that a server gives`},
		"huge id":            {set(messagesJSON, "zerver_message", "id", int64(1)<<33), `key id: 8589934592 is no id that a server gives`},
		"huge number":        {set(messagesJSON, "zerver_message", "type", json.Number("99999999999999999999")), `key type: it is "99999999999999999999"`},
		"number too wide":    {set(messagesJSON, "zerver_message", "type", 70000), `zerver_message.type cannot hold`},
		"endless time":       {set(messagesJSON, "zerver_message", "date_sent", json.Number("1e300")), `key date_sent: it is "1e300", which is no time`},
		"not a uuid":         {set(realmJSON, "zerver_realm", "uuid", "x"), `zerver_realm.uuid cannot hold`},
		"text too long":      {set(realmJSON, "zerver_stream", "name", strings.Repeat("x", 61)), `zerver_stream.name cannot hold`},
		"zero byte":          {set(messagesJSON, "zerver_message", "content", "a\x00b"), `key content: it has a zero byte in it`},
		"zero byte in JSON":  {set(realmJSON, "zerver_realmauditlog", "extra_data", object{"a\x00": 1}), `key extra_data: it has a zero byte`},
		"deep":               {set(realmJSON, "zerver_realmauditlog", "extra_data", nested(200)), `nested more than 100 levels deep`},
		"two ids of a group": {set(realmJSON, "zerver_namedusergroup", "usergroup_ptr", 12), `another key of the row says`},
		"not UTF-8":          {func(p *parts) { p.replace(messagesJSON, "[m1", "\xff\xfe") }, `messages-000001.json: zerver_message`},
		"half a character":   {func(p *parts) { p.replace(messagesJSON, "[m1", `\ud800`) }, `it is not valid JSON at byte`},
		"key twice":          {func(p *parts) { p.replace(messagesJSON, `{"id":`, `{"id":1,"id":`) }, `an object has the name "id" twice`},
		"table twice":        {func(p *parts) { p.replace(realmJSON, `{`, `{"zerver_client":[],`) }, `an object has the name "zerver_client" twice`},
		"cut JSON":           {func(p *parts) { p.files[realmJSON] = p.files[realmJSON][:5000] }, `it is not valid JSON`},
		"two values":         {func(p *parts) { p.files[realmJSON] = append(p.files[realmJSON], "{}"...) }, `realm.json: it holds more than one JSON value`},
		"no object":          {func(p *parts) { p.files[realmJSON] = []byte(`[]`) }, `realm.json: it is an array where an object should be`},
		"row is a number":    {func(p *parts) { p.tables(realmJSON, func(t object) { t["zerver_client"] = []int{5} }) }, `zerver_client, row 1: it is a number where an object`},
		"waiting row is none": {
			func(p *parts) { p.tables(realmJSON, func(t object) { t["zerver_stream"] = []int{5} }) }, `zerver_stream, row 1: it is a number where an object`,
		},
		"table elsewhere": {func(p *parts) { p.tables(realmJSON, func(t object) { t["zerver_message"] = []any{} }) }, `zerver_message: the table does not belong in this file`},
		"key too long": {
			set(messagesJSON, "zerver_message", strings.Repeat("k", 300), 1), `a key is too long`,
		},
		"too many keys": {
			func(p *parts) {
				p.rows(messagesJSON, "zerver_message", func(rows []any) []any {
					for i := range 400 {
						rows[0].(object)[fmt.Sprint("key ", i)] = nil
					}
					return rows
				})
			}, `too many keys that realmport does not know`,
		},
		"old version": {
			func(p *parts) {
				p.files["migration_status.json"] = []byte(`{"migrations_by_app":{"zerver":["[X] 0400_x"]},"zulip_version":"6.0"}`)
			}, `the archive is of Zulip 6.0, whose migrations end at 0400, and realmport needs 0420`,
		},
		"no status": {func(p *parts) { p.files["migration_status.json"] = []byte(`{}`) }, `migration_status.json: it is no migration status`},

		"record leads out": {func(p *parts) { p.record("uploads", "path", "../../x") }, `uploads/records.json: record 1: path "../../x": the name leads out`},
		"upload leads out": {func(p *parts) { p.record("uploads", "s3_path", "/etc/x") }, `s3_path "/etc/x": the name is an absolute path`},
		"record twice":     {func(p *parts) { p.entries("emoji/records.json", duplicate) }, `another record has the file`},
		"same upload": {func(p *parts) {
			p.entries("uploads/records.json", func(rows []any) []any {
				rows[1].(object)["s3_path"] = rows[0].(object)["s3_path"]
				return rows
			})
		}, `another record has the file`},
		"record is a text": {func(p *parts) { p.files["emoji/records.json"] = []byte(`["x"]`) }, `emoji/records.json: record 1 is not one of a file`},
		"records are none": {func(p *parts) { p.files["emoji/records.json"] = []byte(`{}`) }, `emoji/records.json: it is an object where an array should be`},
		"an avatar of two": {func(p *parts) {
			p.files["avatars/records.json"] = bytes.Replace(p.files["avatars/records.json"], []byte(`"user_profile_id":11`), []byte(`"user_profile_id":10`), 1)
		}, `is the name of an avatar of user`},
		"no records":         {func(p *parts) { delete(p.files, "avatars/records.json") }, `avatars/records.json does not name this file`},
		"avatar of nobody":   {func(p *parts) { p.record("avatars", "user_profile_id", 4711) }, `it is of user 4711, who is not in the archive`},
		"avatar of a script": {func(p *parts) { p.record("avatars", "path", "2/index.html.php") }, `is not the name of an avatar's file`},
	}
}

// nested is an array in an array, and so on.
func nested(depth int) any {
	var v any
	for range depth {
		v = []any{v}
	}
	return v
}

func TestHostileArchivesAreRefused(t *testing.T) {
	t.Parallel()
	archive := rulesArchive(t, realmport.Full)
	for name, test := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &parts{tb: t, files: unpack(t, archive), root: "root/"}
			test.change(p)
			dir := t.TempDir()
			err := refused(t, options(t, dir, bytes.NewReader(p.pack()), demo.AvatarSalt), dir)
			if !strings.Contains(err.Message, test.want) {
				t.Errorf("got the error %q, want one with %q", err.Message, test.want)
			}
			if err.Code != realmport.Invalid && err.Code != realmport.Unsupported {
				t.Errorf("got the code %s", err.Code)
			}
		})
	}
}

func TestDamagedArchivesAreRefused(t *testing.T) {
	t.Parallel()
	archive := rulesArchive(t, realmport.Full)
	flipped := bytes.Clone(archive)
	flipped[len(flipped)-6] ^= 1 // in the checksum
	var notTar bytes.Buffer
	zw := gzip.NewWriter(&notTar)
	if _, err := zw.Write(bytes.Repeat([]byte("text"), 1000)); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		archive []byte
		want    string
	}{
		"empty":        {nil, "the file is empty"},
		"no gzip":      {[]byte("PK\x03\x04 and so on"), "the file is not gzip"},
		"no tar":       {notTar.Bytes(), "what it holds is not a tar archive"},
		"cut short":    {archive[:len(archive)/2], "cut short"},
		"cut at end":   {archive[:len(archive)-4], "damaged at its end"},
		"checksum":     {flipped, "damaged at its end"},
		"garbage":      {append(bytes.Clone(archive), "some text that is garbage"...), "something after the end of the gzip data"},
		"two archives": {append(bytes.Clone(archive), archive...), "data after the end of the tar archive"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			err := refused(t, options(t, dir, bytes.NewReader(test.archive), demo.AvatarSalt), dir)
			if !strings.Contains(err.Message, test.want) || err.Code != realmport.Invalid {
				t.Errorf("got the error %q (%s), want one with %q", err.Message, err.Code, test.want)
			}
		})
	}
}

func TestSizeIsBounded(t *testing.T) {
	t.Parallel()
	archive := rulesArchive(t, realmport.Public)
	dir := t.TempDir()
	opts := options(t, dir, bytes.NewReader(archive), demo.AvatarSalt)
	opts.MaxBytes = 20_000
	if err := refused(t, opts, dir); !strings.Contains(err.Message, "more than the 20000 bytes") || !strings.Contains(err.Message, "--max-bytes") {
		t.Errorf("got the error %q", err.Message)
	}
}

func TestFilesInTheWayAreKept(t *testing.T) {
	t.Parallel()
	archive := rulesArchive(t, realmport.Public)
	dir := t.TempDir()
	mine := filepath.Join(dir, "uploads", "files", "mine.txt")
	if err := os.MkdirAll(filepath.Dir(mine), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	opts := options(t, dir, bytes.NewReader(archive), demo.AvatarSalt)
	_, err := importer.Run(t.Context(), opts)
	if realmport.ErrorCode(err) != realmport.Conflict {
		t.Errorf("got %v, want a conflict", err)
	}
	if names := fileNames(t, dir); !slices.Equal(names, []string{"uploads/files/mine.txt"}) {
		t.Errorf("got the files %q afterwards", names)
	}
}
