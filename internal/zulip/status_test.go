package zulip_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/zulip"
)

// file writes a file of the test, and returns its name.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkError checks the code of an error and that its message says all of it.
func checkError(t *testing.T, err error, code realmport.Code, says ...string) {
	t.Helper()
	if got := realmport.ErrorCode(err); got != code {
		t.Errorf("code of %v: got %q, want %q", err, got, code)
	}
	for _, part := range says {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("message: got %v, want one with %q", err, part)
		}
	}
	if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
		t.Errorf("message: got %q, want one line without control characters", err)
	}
}

func TestStatusJSON(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status zulip.Status
		want   string
	}{
		{"empty", zulip.Status{}, "{\n  \"migrations_by_app\": {},\n  \"zulip_version\": \"\"\n}"},
		{
			"sorted, and escaped no more than JSON asks for",
			zulip.Status{ZulipVersion: "11.0-<&>é", MigrationsByApp: map[string][]string{"zerver": {"[X] 0001_initial"}, "auth": {}}},
			"{\n  \"migrations_by_app\": {\n    \"auth\": [],\n    \"zerver\": [\n      \"[X] 0001_initial\"\n    ]\n  },\n  \"zulip_version\": \"11.0-<&>é\"\n}",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.status.JSON()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadStatus(t *testing.T) {
	t.Parallel()
	want := zulip.Status{ZulipVersion: "11.0", MigrationsByApp: map[string][]string{"zerver": {"[X] 0001_initial"}, "two_factor": {"(no migrations)"}}}
	text, err := want.JSON()
	if err != nil {
		t.Fatal(err)
	}
	got, err := zulip.ReadStatus(file(t, "migration_status.json", string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadStatusRefuses(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"empty":             "",
		"no JSON":           "zerver\n [X] 0001_initial\n",
		"a list":            "[]",
		"null":              "null",
		"no migrations":     `{"zulip_version": "11.0"}`,
		"null migrations":   `{"migrations_by_app": null, "zulip_version": "11.0"}`,
		"null list":         `{"migrations_by_app": {"zerver": null}, "zulip_version": "11.0"}`,
		"list of numbers":   `{"migrations_by_app": {"zerver": [1]}, "zulip_version": "11.0"}`,
		"migrations a list": `{"migrations_by_app": [], "zulip_version": "11.0"}`,
		"no version":        `{"migrations_by_app": {}}`,
		"empty version":     `{"migrations_by_app": {}, "zulip_version": ""}`,
		"version a number":  `{"migrations_by_app": {}, "zulip_version": 11}`,
		"more after it":     `{"migrations_by_app": {}, "zulip_version": "11.0"} {}`,
		"cut":               `{"migrations_by_app": {}, "zulip_version": "11`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := file(t, "status.json", content)
			_, err := zulip.ReadStatus(path)
			checkError(t, err, realmport.Invalid, path, "migrations_by_app", "zulip_version")
		})
	}
	t.Run("no file", func(t *testing.T) {
		t.Parallel()
		_, err := zulip.ReadStatus(filepath.Join(t.TempDir(), "none.json"))
		checkError(t, err, realmport.NotFound, "migration status", "none.json")
	})
	t.Run("a folder", func(t *testing.T) {
		t.Parallel()
		_, err := zulip.ReadStatus(t.TempDir())
		checkError(t, err, realmport.Invalid, "is a directory")
	})
}
