package export_test

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/export"
)

// withRole gives a copy of the fixture to a new role, made by the SQL of docs/operations.md, and returns the DSN to use it by.
func withRole(t *testing.T, name string) (dsn, owner, uploads string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```sql\n(.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("docs/operations.md has no SQL")
	}
	owner, uploads = rules(t)
	// Roles belong to the whole server: each test has its own.
	sql(t, owner, regexp.MustCompile(`\brealmport\b`).ReplaceAllString(string(block[1]), name))
	u, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(name)
	return u.String(), owner, uploads
}

func TestLeastPrivilegedRole(t *testing.T) {
	t.Parallel()
	dsn, _, uploads := withRole(t, fmt.Sprintf("reader_%d_a", os.Getpid()))
	for _, typ := range types() {
		_, summary := run(t, options(t, dsn, uploads, typ))
		if len(summary.Warnings) > 0 {
			t.Errorf("%s: warnings %q", typ, summary.Warnings)
		}
	}
}

func TestMissingGrantsAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	role := fmt.Sprintf("reader_%d_b", os.Getpid())
	dsn, owner, uploads := withRole(t, role)
	sql(t, owner, fmt.Sprintf("REVOKE ALL ON zulip.zerver_reaction, zulip.zerver_attachment_messages FROM %s; ", role)+
		fmt.Sprintf("REVOKE ALL (id, user_profile_id, message_id, emoji_name, emoji_code, reaction_type) ON zulip.zerver_reaction FROM %s; ", role)+
		fmt.Sprintf("REVOKE ALL (id, attachment_id, message_id) ON zulip.zerver_attachment_messages FROM %s; ", role)+
		fmt.Sprintf("REVOKE ALL (email) ON zulip.zerver_userprofile FROM %s", role))
	opts := options(t, dsn, uploads, realmport.Full)
	opts.Output = &memory{}
	_, err := export.Run(t.Context(), opts)
	if realmport.ErrorCode(err) != realmport.NotAllowed {
		t.Fatalf("got %v, want not allowed", err)
	}
	for _, want := range []string{"zerver_reaction", "zerver_attachment_messages", "zerver_userprofile (email)", "docs/operations.md"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}
