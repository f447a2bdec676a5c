package demo

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport/internal/pgcluster/pgtest"
)

// generate makes a database of that size.
func generate(t *testing.T, size Size) *pgx.Conn {
	t.Helper()
	dsn := pgtest.Database(t)
	if err := Generate(t.Context(), dsn, size); err != nil {
		t.Fatal(err)
	}
	return connect(t, dsn)
}

func TestGenerateIsExact(t *testing.T) {
	t.Parallel()
	for _, size := range []Size{
		{Users: 3, Streams: 1},
		{Users: 3, Streams: 1, Messages: 1, UserMessages: 0},
		{Users: 50, Streams: 7, Messages: 1009, UserMessages: 12345, Reactions: 8 * 1009, Attachments: 37, AuditRows: 61},
		{Realms: 10, Users: 201, Streams: 33, Messages: 2003, UserMessages: 9001, Reactions: 500, Attachments: 2003, AuditRows: 1000},
	} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			conn := generate(t, size)
			realms := max(size.Realms, 1)
			for table, want := range map[string]int{
				"zerver_realm":         1 + realms,
				"zerver_userprofile":   3 + size.Users/realms*realms,
				"zerver_stream":        size.Streams / realms * realms,
				"zerver_message":       size.Messages,
				"zerver_usermessage":   size.UserMessages,
				"zerver_reaction":      size.Reactions,
				"zerver_attachment":    size.Attachments,
				"zerver_realmauditlog": 1 + realms + size.AuditRows,
			} {
				if got := list[int](t, conn, "SELECT count(*) FROM "+table)[0]; got != want {
					t.Errorf("%s: got %d rows, want %d", table, got, want)
				}
			}
			for what, sql := range invariants() {
				if got := list[int](t, conn, sql)[0]; got != 0 {
					t.Errorf("%s: %d rows", what, got)
				}
			}
		})
	}
}

// invariants returns queries that count what must not be.
func invariants() map[string]string {
	return map[string]string{
		"usermessages without gaps in their ids": `SELECT coalesce(max(id), 0) - count(*) FROM zerver_usermessage`,
		"usermessages in another order than their messages": `SELECT count(*) FROM (SELECT message_id < lag(message_id) OVER (ORDER BY id) AS wrong
			FROM zerver_usermessage) x WHERE wrong`,
		"messages to a channel of another realm": `SELECT count(*) FROM zerver_message m JOIN zerver_stream s USING (recipient_id)
			WHERE m.realm_id <> s.realm_id OR NOT m.is_channel_message`,
		"senders of another realm": `SELECT count(*) FROM zerver_message m JOIN zerver_userprofile u ON u.id = sender_id WHERE m.realm_id <> u.realm_id`,
		"usermessages without a subscription": `SELECT count(*) FROM zerver_usermessage um JOIN zerver_message m ON m.id = message_id
			WHERE NOT EXISTS (SELECT FROM zerver_subscription s WHERE s.recipient_id = m.recipient_id AND s.user_profile_id = um.user_profile_id)
			AND um.user_profile_id <> m.sender_id`,
		"groups across realms": `SELECT count(*) FROM (SELECT s.recipient_id FROM zerver_subscription s JOIN zerver_userprofile u ON u.id = user_profile_id
			GROUP BY 1 HAVING count(DISTINCT realm_id) > 1) x`,
		"attachments without their message": `SELECT count(*) FROM zerver_attachment a WHERE NOT EXISTS (SELECT FROM zerver_attachment_messages l
			JOIN zerver_message m ON m.id = message_id WHERE attachment_id = a.id AND m.realm_id = a.realm_id AND m.has_attachment AND m.content LIKE '%' || path_id || '%')`,
		"reactions of another realm": `SELECT count(*) FROM zerver_reaction r JOIN zerver_message m ON m.id = message_id
			JOIN zerver_userprofile u ON u.id = user_profile_id WHERE u.realm_id <> m.realm_id`,
	}
}

// checksum returns a number for the content of each table.
func checksum(t *testing.T, conn *pgx.Conn) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for _, table := range list[string](t, conn, "SELECT relname::text FROM pg_class WHERE relnamespace = 'zulip'::regnamespace AND relkind = 'r'") {
		sums[table] = list[string](t, conn, "SELECT coalesce(sum(hashtextextended(x::text, 0)), 0)::text FROM "+table+" x")[0]
	}
	return sums
}

func TestGenerateIsDeterministic(t *testing.T) {
	t.Parallel()
	size := Size{Realms: 3, Users: 90, Streams: 20, Messages: 3000, UserMessages: 20000, Reactions: 900, Attachments: 50, AuditRows: 300}
	var sums []map[string]string
	var files []map[string]string
	for range 2 {
		size.UploadsDir = filepath.Join(t.TempDir(), "uploads")
		sums = append(sums, checksum(t, generate(t, size)))
		files = append(files, readFiles(t, size.UploadsDir))
	}
	if diff := cmp.Diff(sums[0], sums[1]); diff != "" {
		t.Errorf("tables differ:\n%s", diff)
	}
	if diff := cmp.Diff(files[0], files[1]); diff != "" || len(files[0]) != size.Attachments {
		t.Errorf("%d files, want %d; they differ:\n%s", len(files[0]), size.Attachments, diff)
	}
}

// readFiles returns the content of the files below dir.
func readFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestGenerateReadsLikeAChat(t *testing.T) {
	t.Parallel()
	conn := generate(t, Size{Users: 20, Streams: 5, Messages: 5000, UserMessages: 30000})
	if got := list[float64](t, conn, "SELECT avg(octet_length(content))::float8 FROM zerver_message")[0]; got < 100 || got > 140 {
		t.Errorf("average content is %.0f bytes, want about 120", got)
	}
	if got := list[int](t, conn, "SELECT count(DISTINCT content) FROM zerver_message")[0]; got < 4900 {
		t.Errorf("only %d of 5000 messages differ", got)
	}
	kinds := list[string](t, conn, "SELECT DISTINCT concat(invite_only, history_public_to_subscribers, is_web_public) FROM zerver_stream")
	if len(kinds) != 4 {
		t.Errorf("got channels %v, want four kinds", kinds)
	}
}

func TestGenerateRefuses(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	err := Generate(t.Context(), dsn, Size{Realms: 2, Users: 5, Streams: 1, Messages: 10, UserMessages: 2, Reactions: 81, Attachments: 11})
	for _, want := range []string{"users: 5", "streams: 1", "user messages: 2", "reactions: 81", "attachments: 11"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
	if err := CreateSchema(t.Context(), dsn); err != nil {
		t.Errorf("something was made: %v", err)
	}
}

// BenchmarkGenerate makes the size that the exporter's benchmarks use.
func BenchmarkGenerate(b *testing.B) {
	size := Size{Users: 1000, Streams: 100, Messages: 500_000, UserMessages: 8_000_000, Reactions: 100_000, Attachments: 2000, AuditRows: 100_000}
	for b.Loop() {
		dsn := pgtest.Database(b)
		if err := Generate(context.Background(), dsn, size); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size.UserMessages)/b.Elapsed().Seconds()*float64(b.N), "usermessages/s")
}
