package demo

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
)

// connect opens a session in the tables' schema, closed with the test.
func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	if _, err := conn.Exec(t.Context(), "SET search_path TO "+Schema); err != nil {
		t.Fatal(err)
	}
	return conn
}

// list returns the values of a query's only column.
func list[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

// rulesDatabase returns a session in a copy of the rules database.
func rulesDatabase(t *testing.T) *pgx.Conn {
	t.Helper()
	return connect(t, pgtest.Template(t, "rules", func(dsn string) error {
		return CreateRules(context.Background(), dsn)
	}))
}

// columnsSQL lists what an export sees of a table's columns: name, type, whether they may be
// null, the table that a foreign key names.
const columnsSQL = `
	SELECT format('%s.%s %s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
	              CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
	              ' -> ' || (SELECT string_agg(k.confrelid::regclass::text, ',') FROM pg_constraint k
	                         WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.conkey = ARRAY[a.attnum] AND k.condeferred))
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	WHERE c.relnamespace = 'zulip'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
	  AND c.relname = ANY ($1)
	ORDER BY 1`

// uniquesSQL lists unique keys: table and columns or expressions.
const uniquesSQL = `
	SELECT regexp_replace(pg_get_indexdef(i.indexrelid), '^.* INDEX \S+ ON ', CASE WHEN i.indisprimary THEN 'PRIMARY ' ELSE '' END)
	FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
	WHERE c.relnamespace = 'zulip'::regnamespace AND i.indisunique AND c.relname = ANY ($1) ORDER BY 1`

func TestSchemaIsThatOfAServer(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	golden, _, _ := pgtest.Golden(t, "rules")
	if err := CreateSchema(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	own, server := connect(t, dsn), connect(t, golden)
	tables := list[string](t, own, "SELECT relname::text FROM pg_class WHERE relnamespace = 'zulip'::regnamespace AND relkind = 'r'")
	for name, sql := range map[string]string{"columns": columnsSQL, "unique keys": uniquesSQL} {
		if diff := cmp.Diff(list[string](t, server, sql, tables), list[string](t, own, sql, tables)); diff != "" {
			t.Errorf("%s differ (- server, + ours):\n%s", name, diff)
		}
	}
}

func TestCreateSchemaTwice(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	if err := CreateSchema(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	if err := CreateSchema(t.Context(), dsn); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("got %v, want an error: the schema already exists", err)
	}
	names := list[string](t, connect(t, dsn), "SELECT name FROM django_migrations WHERE app = 'zerver' ORDER BY id")
	if got, want := names[len(names)-1], "0697_empty_topic_name_for_dms_from_third_party_imports"; got != want {
		t.Errorf("last migration: got %s, want %s", got, want)
	}
}

func TestRulesHaveRowsInEveryTable(t *testing.T) {
	t.Parallel()
	conn := rulesDatabase(t)
	for _, table := range list[string](t, conn, `
		SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'zulip'::regnamespace AND c.relkind = 'r'
		AND c.relname NOT IN ('auth_group', 'auth_permission', 'django_content_type', 'zerver_userprofile_groups', 'zerver_userprofile_user_permissions')`) {
		if n := list[int](t, conn, "SELECT count(*) FROM "+table); n[0] == 0 {
			t.Errorf("table %s is empty", table)
		}
	}
}

// TestRulesByQuery checks the table that was worked out by hand with the rules as queries.
func TestRulesByQuery(t *testing.T) {
	t.Parallel()
	conn := rulesDatabase(t)
	for _, typ := range []realmport.ExportType{realmport.Public, realmport.Standard, realmport.Full} {
		e := Expected(typ)
		got := list[int64](t, conn, messagesSQL(typ), e.Users, RulesRealm)
		if diff := cmp.Diff(e.Messages, got); diff != "" {
			t.Errorf("%s: messages differ (- by hand, + by query):\n%s", typ, diff)
		}
		received := list[int64](t, conn, `
			SELECT um.id FROM zerver_usermessage um JOIN zerver_userprofile u ON u.id = user_profile_id
			WHERE message_id = ANY ($1) AND u.realm_id = $3 AND u.id = ANY ($2)
			  AND ($4 <> 2 OR u.id IN `+consentSQL+`) ORDER BY 1`, e.Messages, e.Users, RulesRealm, int(typ))
		if diff := cmp.Diff(e.Rows["zerver_usermessage"], received); diff != "" {
			t.Errorf("%s: usermessages differ (- by hand, + by query):\n%s", typ, diff)
		}
		if e.UserMessages != len(received) || e.UserMessages == 0 {
			t.Errorf("%s: got %d usermessages, want %d", typ, len(received), e.UserMessages)
		}
	}
	if diff := cmp.Diff(Expected(realmport.Standard).Consented, list[int64](t, conn, "SELECT id FROM "+consentSQL+" AS c (id) ORDER BY 1")); diff != "" {
		t.Errorf("consents differ (- by hand, + by query):\n%s", diff)
	}
}

// The sets of the selection rules as subqueries over realm 2.
const (
	consentSQL = `(SELECT u.id FROM zerver_userprofile u LEFT JOIN zerver_userprofile o ON o.id = u.bot_owner_id AND NOT o.is_bot
		WHERE u.realm_id = 2 AND (u.allow_private_data_export OR u.is_mirror_dummy OR u.is_bot AND coalesce(o.allow_private_data_export, false)))`
	sendersSQL = `(SELECT id FROM zerver_userprofile WHERE realm_id = 2 UNION SELECT unnest(ARRAY[1, 2, 3]))`
	pubSQL     = `(SELECT recipient_id FROM zerver_stream WHERE realm_id = 2 AND NOT invite_only)`
	protSQL    = `(SELECT recipient_id FROM zerver_stream WHERE realm_id = 2 AND NOT history_public_to_subscribers)`
	consSQL    = `(SELECT recipient_id FROM zerver_subscription WHERE user_profile_id IN ` + consentSQL + `)`
	safeSQL    = `(SELECT r.id FROM zerver_recipient r JOIN zerver_subscription s ON s.recipient_id = r.id JOIN zerver_userprofile u ON u.id = s.user_profile_id
		WHERE r.type = 3 GROUP BY r.id HAVING bool_and(u.realm_id = 2))`
	// Recipients of the archive, but for the groups' condition in type 2, which ConsR repeats.
	rxSQL = `(SELECT recipient_id FROM zerver_userprofile WHERE realm_id = 2 UNION SELECT recipient_id FROM zerver_stream WHERE realm_id = 2 UNION SELECT id FROM ` + safeSQL + ` g)`
)

func messagesSQL(t realmport.ExportType) string {
	personal := "(SELECT id FROM zerver_recipient WHERE type = 1 AND type_id IN %s AND type_id NOT IN %s)"
	base := fmt.Sprintf("sender_id IN %s AND recipient_id IN %s", sendersSQL, rxSQL)
	var where string
	switch t {
	case realmport.Public:
		where = fmt.Sprintf("%s AND recipient_id IN %s AND $1::int[] IS NOT NULL", base, pubSQL)
	case realmport.Standard:
		where = fmt.Sprintf(`$1::int[] IS NOT NULL AND (%[1]s AND (recipient_id IN %[2]s OR recipient_id IN %[3]s AND recipient_id NOT IN %[4]s)
			OR sender_id IN %[5]s AND recipient_id IN %[3]s AND recipient_id IN %[4]s
			   AND EXISTS (SELECT FROM zerver_usermessage um WHERE um.message_id = m.id AND um.user_profile_id IN %[6]s)
			OR sender_id IN %[6]s AND recipient_id IN %[7]s)`,
			base, pubSQL, consSQL, protSQL, sendersSQL, consentSQL, fmt.Sprintf(personal, sendersSQL, consentSQL))
	default:
		where = fmt.Sprintf("(%s OR sender_id = ANY ($1) AND recipient_id IN %s)", base, fmt.Sprintf(personal, sendersSQL, "(SELECT unnest($1::int[]))"))
	}
	return "SELECT id::bigint FROM zerver_message m WHERE realm_id = $2 AND " + where + " ORDER BY 1"
}
