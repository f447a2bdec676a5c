package verify

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHostileMembers(t *testing.T) {
	t.Parallel()
	add := func(members ...tarMember) func(*fixture) { return func(f *fixture) { f.extra = members } }
	named := func(name string) func(*fixture) { return add(regular(name, "x")) }
	link := func(kind byte) func(*fixture) {
		return add(tarMember{header: tar.Header{Name: "demo/link", Typeflag: kind, Linkname: "/etc/passwd"}})
	}
	leads := ": the name leads out of the folder that the archive is unpacked in"
	runSpoiled(t, []spoiled{
		{"parent folder", named("../evil"), []string{"../evil" + leads}},
		{"parent folder inside", named("demo/uploads/../../evil"), []string{"demo/uploads/../../evil" + leads}},
		{"parent folder at the end", named("demo/x/.."), []string{"demo/x/.." + leads}},
		{"absolute", named("/etc/passwd"), []string{"/etc/passwd: the name is an absolute path"}},
		{"backslash", named(`demo\evil`), []string{`"demo\\evil": the name has a backslash or a zero byte in it`}},
		{"not clean", named("./demo/x"), []string{"./demo/x: the name is not a plain path below a root folder"}},
		{"double slash", named("demo//x"), []string{"demo//x: the name is not a plain path below a root folder"}},
		{"not UTF-8", func(f *fixture) {
			f.extra = []tarMember{{header: tar.Header{Name: "demo/\xff", Typeflag: tar.TypeReg, Format: tar.FormatGNU}}}
		}, []string{`"demo/\xff": the name is not a plain path below a root folder`}},
		{"escape sequence", named("../\x1b[31m"), []string{`"../\x1b[31m"` + leads}},
		{"long name", named("demo/" + strings.Repeat("x", 5000)), []string{
			`"demo/` + strings.Repeat("x", 55) + `"...: a member's name is too long`,
		}},
		{"another root", named("other/realm.json"), []string{`other/realm.json: the member is outside the archive's root folder "demo"`}},
		{"no root", named("demo"), []string{"demo: the member is not in a root folder; everything in an archive is"}},
		{"no name", named(""), []string{"a member has no name"}},
		{"symbolic link", link(tar.TypeSymlink), []string{`demo/link: the member is a link (to "/etc/passwd"); only files and folders are allowed`}},
		{"hard link", link(tar.TypeLink), []string{`demo/link: the member is a link (to "/etc/passwd"); only files and folders are allowed`}},
		{"device", add(tarMember{header: tar.Header{Name: "demo/null", Typeflag: tar.TypeChar}}), []string{
			"demo/null: the member is neither a file nor a folder",
		}},
		{"twice", named("demo/realm.json"), []string{"realm.json: the archive has two members of this name"}},
		{"folder and file", named("demo/realm.json/x"), []string{"realm.json/x: the name is used for a file and for a folder"}},
		{"file and folder", named("demo/uploads"), []string{"uploads: the name is used for a file and for a folder"}},
		{"large headers", func(f *fixture) {
			f.headers = func(h *tar.Header) { h.PAXRecords = map[string]string{"REALM.x": strings.Repeat("x", 500_000)} }
		}, nil},
	})
}

func TestHostileJSON(t *testing.T) {
	t.Parallel()
	given := func(name, text string) func(*fixture) { return func(f *fixture) { f.raw[name] = text } }
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	unread := "; it was not read further"
	runSpoiled(t, []spoiled{
		{"no JSON", given(realmFile, "PK\x03\x04"), []string{
			`realm.json: is not valid JSON at byte 0: invalid character 'P' at start of value` + unread,
		}},
		{"empty", given(realmFile, ""), []string{"realm.json: is not valid JSON: it ends at byte 0" + unread}},
		{"cut", given(realmFile, `{"zerver_realm": [{"id": 1`), []string{
			"realm.json: is not valid JSON at byte 26: unexpected EOF" + unread,
		}},
		{"an array", given(realmFile, `[]`), []string{"realm.json: holds an array where it should hold an object (near byte N)" + unread}},
		{"table is an object", given(attachmentFile, `{"zerver_attachment": {}}`), []string{
			"attachment.json: holds an object where it should hold an array (near byte N)" + unread,
		}},
		{"two values", given(migrationFile, `{"migrations_by_app": {}, "zulip_version": "11"} {}`), []string{
			"migration_status.json: holds more than one JSON value (near byte N)" + unread,
		}},
		{"name twice in a row", given(attachmentFile, `{"zerver_attachment": [{"id": 1, "id": 2}]}`), []string{
			`attachment.json: an object has the name "id" twice (near byte N)` + unread,
		}},
		{"name twice in a file", given(attachmentFile, `{"zerver_attachment": [], "zerver_attachment": []}`), []string{
			`attachment.json: an object has the name "zerver_attachment" twice (near byte N)` + unread,
		}},
		{"not UTF-8", given(attachmentFile, "{\"zerver_attachment\": [{\"id\": 1, \"x\": \"\xff\"}]}"), []string{
			"attachment.json: is not valid JSON at byte 39: invalid UTF-8" + unread,
		}},
		{"deep", given(attachmentFile, `{"zerver_attachment": [{"id": 1, "x": `+deep(maxDepth)+`}]}`), []string{
			"attachment.json: row 1 of zerver_attachment is nested more than 100 levels deep (near byte N)" + unread,
		}},
		{"deepest allowed", func(f *fixture) {
			f.set(realmFile, "zerver_realmauditlog", 0, "extra_data", decoded(deep(maxDepth-1)))
		}, nil},
		{"bottomless", given(attachmentFile, `{"zerver_attachment": `+strings.Repeat("[", 1_000_000)), []string{
			"attachment.json: is not valid JSON at byte 10021: exceeded max depth" + unread,
		}},
		{"too many tables", given(attachmentFile, manyNames(maxTables+1)), []string{
			"attachment.json: holds too many tables (near byte N)" + unread,
		}},
	})
}

func manyNames(n int) string {
	var b strings.Builder
	b.WriteString("{")
	for i := range n {
		fmt.Fprintf(&b, `"t%d": [],`, i)
	}
	return b.String() + `"zerver_attachment": []}`
}

// A value without an end must neither be held nor be waited for.
func TestEndlessValues(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"string":     `{"zerver_attachment": [{"id": 1, "x": "` + strings.Repeat("x", 3<<20),
		"whitespace": `{` + strings.Repeat(" ", 3<<20),
		"number":     `{"zerver_attachment": [` + strings.Repeat("1", 3<<20),
		"name":       `{"` + strings.Repeat("x", 3<<20),
	} {
		f := minimal()
		f.raw[attachmentFile] = text
		data := f.build(t)
		c := newCheck(10)
		c.longest = 2 << 20
		report, err := c.verify(context.Background(), archive{r: bytes.NewReader(data), size: int64(len(data))})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"attachment.json: a single value is longer than 2 MiB (near byte N); it was not read further"}
		if diff := cmp.Diff(want, lines(report)); diff != "" {
			t.Errorf("%s: problems (-want +got):\n%s", name, diff)
		}
	}
}

// Wherever an archive is cut or a byte of it is changed, something is said, and nothing panics.
func TestDamage(t *testing.T) {
	t.Parallel()
	whole := minimal().tarball(t)
	good := zipped(t, whole)
	ctx := context.Background()
	for n := 0; n < len(good)-1; n += 3 {
		report, err := Verify(ctx, bytes.NewReader(good), int64(n), Options{})
		if err == nil && report.Clean() {
			t.Errorf("cut to %d of %d bytes: clean", n, len(good))
		}
	}
	for n := 10; n < len(good); n += 7 { // behind the header, whose time and system mean nothing
		bad := bytes.Clone(good)
		bad[n] ^= 0x10
		report, err := Verify(ctx, bytes.NewReader(bad), int64(len(bad)), Options{})
		// Some bits of deflate have two forms of the same meaning.
		if err == nil && report.Clean() && !bytes.Equal(unzipped(bad), whole) {
			t.Errorf("byte %d changed: clean", n)
		}
	}
}

// unzipped returns what a gzip file holds, nil if it is damaged.
func unzipped(data []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	whole, err := io.ReadAll(r)
	if err != nil {
		return nil
	}
	return whole
}

func TestDamagedArchives(t *testing.T) {
	t.Parallel()
	whole := minimal().tarball(t)
	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"cut gzip", zipped(t, whole)[:800], "the archive is cut short after 8 members; the rest was not checked"},
		{"cut tar", zipped(t, whole[:len(whole)-2000]), "the archive is cut short after 15 members; the rest was not checked"},
		{"no tar", zipped(t, bytes.Repeat([]byte("no tar "), 200)), "the file is gzip, but what it holds is not a tar archive"},
		{"nothing in it", zipped(t, nil), "the archive is empty"},
		{
			"data behind the tar", zipped(t, append(bytes.Clone(whole), "hidden"...)),
			"there is data after the end of the tar archive, which other programs may read differently",
		},
		{"data behind the gzip", append(zipped(t, whole), "hidden bytes"...), "there is something after the end of the gzip data that is not gzip"},
		{"size beyond the end", zipped(t, forged(t, func(h *tar.Header) { h.Size = 1 << 40 })), "the archive is cut short after 1 members; the rest was not checked"},
		{"header beyond measure", zipped(t, longHeader(t)), "the archive is damaged after 0 members (archive/tar: header field too long); the rest was not checked"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			report := verified(t, tc.data)
			if len(report.Problems) == 0 || report.Problems[0].String() != tc.want {
				t.Errorf("got %q, want %q first", lines(report), tc.want)
			}
			if report.Bytes != int64(len(tc.data)) || len(report.SHA256) != 64 {
				t.Errorf("got %d bytes and sha256 %q, want them of the whole file", report.Bytes, report.SHA256)
			}
		})
	}
}

// forged returns a tar with one header that promises more than there is.
func forged(t *testing.T, change func(*tar.Header)) []byte {
	t.Helper()
	header := tar.Header{Name: "demo/realm.json", Typeflag: tar.TypeReg, Size: 1, Mode: 0o600}
	change(&header)
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(&header); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), "{}"...)
}

// longHeader returns a tar with an extended header that is longer than any name needs.
func longHeader(t *testing.T) []byte {
	t.Helper()
	const size = 3 << 20
	data := forged(t, func(h *tar.Header) { h.Name, h.Size = "@LongLink", size })
	data[156] = 'L' // GNU's type of a member that holds the next one's name
	sum := 0
	copy(data[148:156], "        ")
	for _, b := range data[:512] {
		sum += int(b)
	}
	copy(data[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return append(data, bytes.Repeat([]byte("x"), size)...)
}

// A file with holes may be as large as it likes for a few bytes.
func TestSparseFiles(t *testing.T) {
	t.Parallel()
	records := map[string]string{
		"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": "demo/realm.json",
		"GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,1", "GNU.sparse.size": "1099511627776",
	}
	data := forged(t, func(h *tar.Header) {
		h.PAXRecords = map[string]string{}
		for key, v := range records { // of the same lengths: the writer refuses the real names
			h.PAXRecords["XXX"+strings.TrimPrefix(key, "GNU")] = v
		}
	})
	data = bytes.ReplaceAll(data, []byte("XXX.sparse"), []byte("GNU.sparse"))
	want := "demo/realm.json: the file is stored with holes, which may pretend any size"
	if got := lines(verified(t, zipped(t, data))); len(got) == 0 || got[0] != want {
		t.Errorf("got %q, want %q first", got, want)
	}
}
