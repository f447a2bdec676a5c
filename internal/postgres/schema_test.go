package postgres_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/encode"
	"github.com/realmport/realmport/internal/postgres"
)

func TestTypesNobodyKnowsAreJSON(t *testing.T) {
	t.Parallel()
	dsn := database(t, minimal+`
		CREATE TYPE mood AS ENUM ('sad', 'ha"ppy');
		CREATE DOMAIN small AS int CHECK (VALUE < 10);
		CREATE DOMAIN text AS int; -- shadows the system's
		CREATE TYPE pair AS (a int, b pg_catalog.json)`)
	tests := []struct{ name, typ, value, want string }{
		{"date", "date", "'2024-02-29'", `"2024-02-29"`},
		{"timestamp", "timestamp", "'2024-02-29 12:00:00.5'", `"2024-02-29T12:00:00.5"`},
		{"interval", "interval", "'1 day'", `"1 day"`},
		{"numeric", "numeric", "12345678901234567890.10", `12345678901234567890.10`},
		{"not a number", "numeric", "'NaN'", `"NaN"`},
		{"float", "float8", "0.1", `0.1`},
		{"infinity", "float8", "'-Infinity'", `"-Infinity"`},
		{"inet", "inet", "'10.0.0.1/8'", `"10.0.0.1/8"`},
		{"bytes", "bytea", `'\x00ff'`, `"\\x00ff"`},
		{"array", "int[]", "'{1,NULL,3}'", `[1,null,3]`},
		{"array of texts", "pg_catalog.text[]", `ARRAY['a"', E'\n']`, `["a\"","\n"]`},
		{"empty array", "int[]", "'{}'", `[]`},
		{"enum", "mood", `'ha"ppy'`, `"ha\"ppy"`},
		{"domain", "small", "5", `5`},
		{"domain named as a type", "public.text", "5", `5`},
		{"composite", "pair", `ROW(1, E'[\n1]')`, `{"a":1,"b":[ 1]}`},
		{"char", `"char"`, "'x'", `"x"`},
		{"json", "json", `E'{"b" : 1,\n"a":1}'`, `{"b" : 1, "a":1}`},
		{"jsonb", "jsonb", `E'{"bb" : 1,\n"a":1}'`, `{"a": 1, "bb": 1}`},
		{"null", "inet", "NULL", `null`},
		{"json null", "jsonb", "'null'", `null`},
		{"varchar", "varchar(5)", "'abc'", `"abc"`},
		{"padded", "char(5)", "'abc'", `"abc  "`},
	}
	create, insert := "CREATE TABLE odd (id int", "INSERT INTO odd VALUES (1"
	for _, tt := range tests {
		create += fmt.Sprintf(", %q %s", tt.name, tt.typ)
		insert += ", " + tt.value
	}
	execute(t, dsn, create+"); "+insert+")")
	snap := snapshot(t, dsn, postgres.Options{})
	schema, err := snap.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		kind := schema.Tables["odd"].Column(tt.name).Kind
		if want := realmport.JSON; kind != want && tt.name != "varchar" && tt.name != "padded" {
			t.Errorf("%s: got kind %d, want %d", tt.name, kind, want)
		}
		e, err := encode.Compile([]encode.Field{{Key: "v", Kind: kind}})
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		err = snap.Read(t.Context(), realmport.Query{Table: "odd", Columns: []string{tt.name}}, func(row realmport.Row) error {
			got, err = e.AppendRow(nil, row)
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if want := `{"v":` + tt.want + `}`; string(got) != want {
			t.Errorf("%s: got %s, want %s", tt.name, got, want)
		}
	}
	// Conditions on such columns are for PostgreSQL to judge.
	for column, value := range map[string]any{"enum": "sad", "domain": int64(5), "date": "2024-02-29", "domain named as a type": int64(5)} {
		n := 0
		q := realmport.Query{Table: "odd", Columns: []string{"id"}, Where: []realmport.Cond{realmport.Equal{Column: column, Value: value}}}
		if err := snap.Read(t.Context(), q, func(realmport.Row) error { n++; return nil }); err != nil {
			t.Errorf("condition on %s: %v", column, err)
		}
		if want := column != "enum"; want != (n == 1) {
			t.Errorf("condition on %s: got %d rows", column, n)
		}
	}
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	const space, table, column = `zu"lip; --`, `ta"b'le $1`, `co"l'umn "" \`
	dsn := database(t, `CREATE SCHEMA "zu""lip; --"; SET search_path = "zu""lip; --"; `+minimal+`
		CREATE TABLE "ta""b'le $1" (id int, "co""l'umn """" \" text, "select" text);
		INSERT INTO "ta""b'le $1" VALUES (1, 'b', 'x'), (2, 'a', 'x')`)
	snap := snapshot(t, dsn, postgres.Options{})
	schema, err := snap.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if schema.Tables[table] == nil || schema.Tables[table].Column(column) == nil {
		t.Fatalf("got tables %v, want one named %s with a column %s", schema.Tables, table, column)
	}
	q := realmport.Query{
		Table: table, Columns: []string{column, "select"}, OrderBy: column,
		Links:   []realmport.Link{{Table: table, Owner: "id", Target: "id", By: column}},
		Where:   []realmport.Cond{realmport.Equal{Column: "select", Value: "x"}, realmport.Or{realmport.Null{Column: column}, realmport.Equal{Column: column, Value: "a"}}},
		Through: &realmport.Through{Column: column, Table: table, Key: column},
	}
	var got []string
	err = snap.Read(t.Context(), q, func(row realmport.Row) error {
		got = append(got, fmt.Sprintf("%s %x", row[0], row[2]))
		return nil
	})
	if diff := cmp.Diff([]string{"a 0000000000000002"}, got); err != nil || diff != "" {
		t.Errorf("%v; rows (-want +got):\n%s", err, diff)
	}
}

func TestSchemaOfAServer(t *testing.T) {
	t.Parallel()
	dsn := database(t, `CREATE SCHEMA zulip; CREATE SCHEMA another; CREATE TABLE another.zerver_realm (id int); CREATE TABLE another.more (id int);
		CREATE VIEW zulip.seen AS SELECT 1 AS one;
		CREATE TABLE zulip.zerver_realm (id int PRIMARY KEY, name text, search tsvector);
		CREATE TABLE zulip.parted (id int) PARTITION BY RANGE (id);
		CREATE TABLE zulip.part PARTITION OF zulip.parted FOR VALUES FROM (1) TO (5);
		CREATE TABLE zulip.pairs (a int, b int, gone int, realm_id int REFERENCES zulip.zerver_realm, UNIQUE (a, b));
		CREATE TABLE zulip.refers (a int, b int, FOREIGN KEY (a, b) REFERENCES zulip.pairs (a, b));
		ALTER TABLE zulip.pairs DROP COLUMN gone;
		INSERT INTO zulip.zerver_realm SELECT n FROM generate_series(1, 100) AS n; ANALYZE zulip.zerver_realm`)
	schema, err := snapshot(t, dsn, postgres.Options{}).Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string, kind realmport.Kind, references string) realmport.Column {
		return realmport.Column{Name: name, Kind: kind, Nullable: true, References: references, Readable: true}
	}
	realmID := column("id", realmport.Int, "")
	realmID.Nullable = false
	want := map[string]*realmport.Table{
		"zerver_realm": {
			Name: "zerver_realm", Estimate: 100,
			Columns: []realmport.Column{realmID, column("name", realmport.Text, ""), column("search", realmport.TSVector, "")},
		},
		"parted": {Name: "parted", Columns: []realmport.Column{column("id", realmport.Int, "")}},
		"pairs": {Name: "pairs", Columns: []realmport.Column{
			column("a", realmport.Int, ""), column("b", realmport.Int, ""), column("realm_id", realmport.Int, "zerver_realm"),
		}},
		// A key of two columns is no reference to an id.
		"refers": {Name: "refers", Columns: []realmport.Column{column("a", realmport.Int, ""), column("b", realmport.Int, "")}},
	}
	estimates := cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Estimate" }, cmp.Comparer(func(a, b int64) bool {
		return a == b || a <= 0 && b <= 0 // what is unknown depends on the version
	}))
	if diff := cmp.Diff(want, schema.Tables, estimates, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
}

func TestColumnGrants(t *testing.T) {
	t.Parallel()
	dsn := database(t, "CREATE SCHEMA zulip; SET search_path = zulip; "+minimal+"CREATE TABLE secret (id int)")
	name, as := role(t, dsn, "LOGIN")
	execute(t, dsn, "GRANT USAGE ON SCHEMA zulip TO "+name+"; GRANT SELECT (id) ON zulip.zerver_realm TO "+name)
	snap := snapshot(t, as, postgres.Options{})
	schema, err := snap.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, table := range schema.Tables {
		for _, c := range table.Columns {
			got[table.Name+"."+c.Name] = c.Readable
		}
	}
	if diff := cmp.Diff(map[string]bool{"zerver_realm.id": true, "zerver_realm.name": false, "secret.id": false}, got); diff != "" {
		t.Errorf("readable (-want +got):\n%s", diff)
	}
	if got, err := texts(t, snap, "zerver_realm", "id"); err != nil || len(got) != 2 {
		t.Errorf("readable column: got %v, %v, want 2 rows", got, err)
	}
	_, err = texts(t, snap, "zerver_realm", "name")
	wantError(t, err, realmport.NotAllowed, name, "may not read what the export needs (permission denied for table zerver_realm)", "docs/operations.md")
}
