package verify

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
)

func TestMinimalArchiveIsClean(t *testing.T) {
	t.Parallel()
	f := minimal()
	f.json[missingFile] = decoded(`[{"kind": "upload"}, {"kind": "avatar"}]`)
	f.json[consentFile] = decoded(`[10]`)
	f.raw["notes.txt"] = "unknown files are tolerated"
	f.json[realmFile].(object)["sort_by_date"] = true
	f.json[realmFile].(object)["zerver_future"] = []any{object{"id": 1}}
	data := f.build(t)
	var progress []int64
	report, err := Verify(context.Background(), bytes.NewReader(data), int64(len(data)), Options{
		Progress: func(n int64) { progress = append(progress, n) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{int64(len(data))}, progress); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if got := report.Tables["zerver_message"]; got != 3 {
		t.Errorf("got %d rows of zerver_message, want 3", got)
	}
	if len(report.SHA256) != 64 {
		t.Errorf("got sha256 %q", report.SHA256)
	}
	rows := int64(0)
	for _, n := range report.Tables {
		rows += n
	}
	report.Tables, report.SHA256 = nil, ""
	want := &Report{
		Messages: 3, UserMessages: 3, Users: 2, Rows: rows, Files: 4, FileBytes: 17, Bytes: int64(len(data)),
		Missing: 2, Problems: []Problem{},
	}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

// The order of the members of an archive means nothing.
func TestOrderOfMembersDoesNotMatter(t *testing.T) {
	t.Parallel()
	for _, first := range [][]string{
		{"messages-000002.json", "messages-000001.json"},
		{statsFile},
		{realmFile, "uploads/1/ab/x/note.txt"},
		{"uploads/records.json", attachmentFile, "emoji/records.json"},
	} {
		f := minimal()
		f.order = first
		if got := lines(verified(t, f.build(t))); len(got) > 0 {
			t.Errorf("with %s first: got %s", first, got)
		}
	}
}

// Nor does the order of tables and keys, or how a name is written.
func TestOrderOfTablesDoesNotMatter(t *testing.T) {
	t.Parallel()
	f := minimal()
	name := "messages-000001.json"
	text := strings.ReplaceAll(firstMessages, `"sender"`, `"s\u0065nder"`)
	table, rows, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(text, "{"), "}"), "\"zerver_usermessage\"")
	f.raw[name] = `{"zerver_usermessage"` + rows + "," + strings.TrimSuffix(strings.TrimSpace(table), ",") + "}"
	if got := lines(verified(t, f.build(t))); len(got) > 0 {
		t.Errorf("got %s", got)
	}
	f.raw[name] = strings.Replace(f.raw[name], `"message": 101`, `"message": 109`, 1)
	want := []string{"messages-000001.json: zerver_usermessage: 1 messages are named that the file does not hold, first message 109"}
	if diff := cmp.Diff(want, lines(verified(t, f.build(t)))); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestLimitKeepsTheFirstProblems(t *testing.T) {
	t.Parallel()
	f := minimal()
	for range 5 {
		f.put(realmFile, "zerver_client", `{"id": 1, "name": "x"}`)
	}
	data := f.build(t)
	report, err := Verify(context.Background(), bytes.NewReader(data), int64(len(data)), Options{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Problems) != 2 || report.ProblemCount != 5 || report.Clean() {
		t.Errorf("got %d of %d problems, want 2 of 5", len(report.Problems), report.ProblemCount)
	}
}

func TestWhatStopsTheReading(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain.tar.gz")
	if err := os.WriteFile(plain, []byte("this is no gzip"), 0o600); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("enough"))
	good := minimal().build(t)
	for _, tc := range []struct {
		name string
		run  func() (*Report, error)
		code realmport.Code
	}{
		{"no file", func() (*Report, error) {
			return File(context.Background(), filepath.Join(dir, "none"), Options{})
		}, realmport.NotFound},
		{"a folder", func() (*Report, error) { return File(context.Background(), dir, Options{}) }, realmport.Invalid},
		{"not gzip", func() (*Report, error) { return File(context.Background(), plain, Options{}) }, realmport.Invalid},
		{"empty", func() (*Report, error) {
			return Verify(context.Background(), bytes.NewReader(nil), 0, Options{})
		}, realmport.Invalid},
		{"cancelled", func() (*Report, error) {
			return Verify(ended, bytes.NewReader(good), int64(len(good)), Options{})
		}, realmport.Interrupted},
		{"the file fails", func() (*Report, error) {
			return Verify(context.Background(), failingAt(100), int64(len(good)), Options{})
		}, realmport.Internal},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			report, err := tc.run()
			if got := realmport.ErrorCode(err); got != tc.code || report != nil {
				t.Errorf("got report %v, error %v with code %s; want code %s", report, err, got, tc.code)
			}
		})
	}
}

// failingAt is a file that fails.
type failingAt int

func (n failingAt) ReadAt([]byte, int64) (int, error) { return 0, errors.New("bad sector") }

func TestCancelDuringReading(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	data := minimal().build(t)
	_, err := Verify(ctx, bytes.NewReader(data), int64(len(data)), Options{Progress: func(int64) { cancel() }})
	if got := realmport.ErrorCode(err); got != realmport.Interrupted {
		t.Errorf("got error %v with code %s, want %s", err, got, realmport.Interrupted)
	}
}
