package importer_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
)

// same compares two archives: the rows of all tables, the lists of files, the files.
func same(t *testing.T, want, got files) {
	t.Helper()
	wantLists, gotLists := want.lists(t), got.lists(t)
	for _, list := range slices.Sorted(maps.Keys(wantLists)) {
		if list == "zerver_realmexport" { // the store does not have those archives
			continue
		}
		sameRows(t, list, wantLists[list], gotLists[list])
	}
	for _, folder := range []string{"uploads", "avatars", "emoji", "realm_icons"} {
		if diff := cmp.Diff(want.records(t, folder), got.records(t, folder)); diff != "" {
			t.Errorf("records of %s (-want +got):\n%s", folder, diff)
		}
		for name, content := range want {
			if strings.HasPrefix(name, folder+"/") && !strings.HasSuffix(name, "/records.json") && !bytes.Equal(content, got[name]) {
				t.Errorf("the file %s has %d other bytes, of %d", name, len(got[name]), len(content))
			}
		}
	}
	if diff := cmp.Diff(decode(t, want["migration_status.json"]), decode(t, got["migration_status.json"])); diff != "" {
		t.Errorf("migration_status.json (-want +got):\n%s", diff)
	}
}

func sameRows(t *testing.T, list string, want, got map[string]object) {
	t.Helper()
	for id, row := range got {
		// The second archive tells of itself, too.
		if want[id] == nil && (list != "zerver_realmauditlog" || row["event_type"] != json.Number("206")) {
			t.Errorf("%s: row %s should not be there", list, id)
		}
	}
	for id, row := range want {
		for _, secret := range []string{"zoom_token", "uuid_owner_secret", "search_tsvector"} { // realmport leaves these out
			if list != "zerver_service" {
				delete(row, secret)
			}
		}
		if reflect.DeepEqual(row, got[id]) { // nearly all: a diff takes its time
			continue
		}
		if diff := cmp.Diff(row, got[id], cmp.Comparer(sameNumber)); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", list, id, diff)
		}
	}
}

// sameNumber compares numbers by what they are: 5e9 is 5000000000.0.
func sameNumber(a, b json.Number) bool {
	x, err := a.Float64()
	y, err2 := b.Float64()
	return a == b || err == nil && err2 == nil && x == y && strings.ContainsAny(string(a), ".eE") == strings.ContainsAny(string(b), ".eE")
}

// records are the entries of a folder's list by path, less what is different where files lie elsewhere.
func (a files) records(t *testing.T, folder string) map[string]object {
	t.Helper()
	all := map[string]object{}
	for _, rec := range decode(t, a[folder+"/records.json"]).([]any) {
		rec := rec.(object)
		for _, key := range []string{"last_modified", "bucket", "md5"} {
			delete(rec, key)
		}
		all[rec["path"].(string)] = rec
	}
	return all
}

// dropLost drops from a standard archive's first file the messages that no full export has, not even the first server's own:
// from mirror dummies to system bots (docs/format.md).
func (a files) dropLost(t *testing.T) {
	t.Helper()
	const name = "messages-000001.json"
	content := decode(t, a[name]).(object)
	dummies, bots := map[any]bool{}, map[any]bool{}
	lists := a.lists(t)
	for _, row := range lists["zerver_userprofile_mirrordummy"] {
		dummies[row["id"]] = true
	}
	for _, row := range lists["zerver_userprofile_crossrealm"] {
		bots[row["recipient_id"]] = true
	}
	content["zerver_message"] = slices.DeleteFunc(content["zerver_message"].([]any), func(m any) bool {
		return dummies[m.(object)["sender"]] && bots[m.(object)["recipient"]]
	})
	var err error
	if a[name], err = json.Marshal(content); err != nil {
		t.Fatal(err)
	}
}

func TestRulesComeBack(t *testing.T) {
	t.Parallel()
	for _, typ := range []realmport.ExportType{realmport.Public, realmport.Standard, realmport.Full} {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			archive := rulesArchive(t, typ)
			s := imported(t, bytes.NewReader(archive), "another salt than that of the archive")
			if n := len(s.summary.Warnings); n != 1 || !strings.HasPrefix(s.summary.Warnings[0], "missing.json says") {
				t.Errorf("got warnings %q, want one of what the archive lacks", s.summary.Warnings)
			}
			want := unpack(t, archive)
			if typ == realmport.Standard {
				want.dropLost(t)
			}
			same(t, want, unpack(t, s.exportedAgain(t)))
			if _, err := os.Lstat(filepath.Join(s.uploads(), ".import")); err == nil {
				t.Error("temporary files are left")
			}
		})
	}
}

// TestGoldenComeBack takes what a Zulip server wrote.
func TestGoldenComeBack(t *testing.T) {
	t.Parallel()
	for _, set := range []string{"rules", "community"} {
		for _, typ := range []string{"1", "2", "3"} {
			t.Run(set+typ, func(t *testing.T) {
				if testing.Short() && set != "rules" {
					t.Skip("long, and the rules go the same ways")
				}
				t.Parallel()
				archive, err := os.ReadFile(filepath.Join(pgtest.GoldenFolder(t, set), "reference-type"+typ+".tar.gz"))
				if err != nil {
					t.Fatal(err)
				}
				s := imported(t, bytes.NewReader(archive), "another salt than that of the archive")
				if len(s.summary.Warnings) > 0 {
					t.Errorf("got warnings %q", s.summary.Warnings)
				}
				same(t, unpack(t, archive), unpack(t, s.exportedAgain(t)))
			})
		}
	}
}
