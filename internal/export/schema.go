package export

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/catalog"
	"github.com/realmport/realmport/internal/encode"
)

// table is an exported table as the source has it: the query for its columns and the encoder of its rows.
type table struct {
	catalog.Table
	query   realmport.Query
	fields  []encode.Field
	encoder *encode.Encoder
	at      map[string]int // column → place in a row; the first place of the primary key
	columns []*realmport.Column
	refs    []reference
}

// reference is a foreign key.
type reference struct {
	at       int
	column   string
	target   string // table
	dangling catalog.Dangling
}

// describe reads the schema and compiles the exported tables.
func (r *run) describe(ctx context.Context) error {
	schema, err := r.snap.Schema(ctx)
	if err != nil {
		return err
	}
	level, err := r.migrationLevel(ctx, schema)
	if err != nil {
		return err
	}
	if err := r.checkSchema(schema, level); err != nil {
		return err
	}
	r.tables = map[string]*table{}
	for _, known := range catalog.Tables() {
		live := schema.Tables[known.Name]
		if live == nil {
			continue
		}
		for _, c := range live.Columns {
			if known.Suspect(c.Name) && !known.Drops(c.Name) {
				r.warn("column " + known.Name + "." + c.Name + " is unknown and seems to hold a secret: it is not exported")
				known.Drop = append(known.Drop, c.Name)
			}
		}
		t, err := compile(known, live, schema)
		if err != nil {
			return err
		}
		r.tables[t.Name] = t
		r.order = append(r.order, t)
	}
	return r.checkGrants(schema)
}

// migrationLevel is the highest number among the applied migrations of the app zerver; 0 if the source does not tell.
func (r *run) migrationLevel(ctx context.Context, schema *realmport.Schema) (int, error) {
	t := schema.Tables["django_migrations"]
	if t == nil || t.Column("name") == nil || !t.Column("name").Readable {
		r.warn("the table django_migrations cannot be read, so the server's version is not checked")
		return 0, nil
	}
	level := 0
	q := realmport.Query{Table: "django_migrations", Columns: []string{"name"}, Where: []realmport.Cond{realmport.Equal{Column: "app", Value: "zerver"}}}
	err := r.snap.Read(ctx, q, func(row realmport.Row) error {
		number, _, _ := strings.Cut(string(row[0]), "_")
		if n, err := strconv.Atoi(number); err == nil {
			level = max(level, n)
		}
		return nil
	})
	return level, err
}

// checkSchema finds what is missing from the source, and names what is unknown.
func (r *run) checkSchema(schema *realmport.Schema, level int) error {
	if level > 0 && level < catalog.OldestMigration {
		return realmport.Errorf(realmport.Unsupported, "the Zulip server is too old: its migrations end at %04d, and realmport "+
			"needs %04d (Zulip 7) or later; upgrade the server first", level, catalog.OldestMigration)
	}
	var missing []string
	known := map[string]bool{}
	for _, t := range catalog.Tables() {
		known[t.Name] = true
		for _, l := range t.Links {
			known[l.Table] = true
		}
		if schema.Tables[t.Name] == nil && level >= t.Since {
			missing = append(missing, t.Name)
		}
	}
	for name, columns := range catalog.RequiredColumns() {
		for _, c := range columns {
			if t := schema.Tables[name]; t != nil && t.Column(c) == nil {
				missing = append(missing, name+"."+c)
			}
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return realmport.Errorf(realmport.Unsupported, "the database lacks what a Zulip server of its version has: %s; "+
			"is it complete, and is the server between two steps of an upgrade?", strings.Join(missing, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Tables)) {
		if !known[name] && !catalog.Ignored(name) {
			r.warn("table " + name + " is unknown and not exported")
		}
	}
	return nil
}

// compile lays out the columns of a table and the keys of its objects (format.md §3).
func compile(known catalog.Table, live *realmport.Table, schema *realmport.Schema) (*table, error) {
	t := &table{Table: known, at: map[string]int{}, query: realmport.Query{Table: known.Name, OrderBy: known.PrimaryKey(), Through: known.Via}}
	if known.ID != "" { // stored in two tables that share an id: both keys are written
		if c := live.Column(known.ID); c != nil {
			t.add("id", c)
		}
	}
	for i := range live.Columns {
		if c := &live.Columns[i]; !known.Drops(c.Name) && c.Kind != realmport.TSVector && !slices.Contains(known.Last, c.Name) {
			t.add(t.key(c), c)
		}
	}
	for _, name := range known.Last {
		if c := live.Column(name); c != nil {
			t.add(t.key(c), c)
		}
	}
	for _, l := range known.Links {
		if schema.Tables[l.Table] == nil {
			continue
		}
		t.at[l.Key] = len(t.fields)
		t.query.Links = append(t.query.Links, l.Link)
		t.fields = append(t.fields, encode.Field{Key: l.Key, Kind: realmport.IDs})
	}
	if _, ok := t.at[known.PrimaryKey()]; !ok {
		return nil, realmport.Errorf(realmport.Unsupported, "table %s has no column %s", known.Name, known.PrimaryKey())
	}
	var err error
	t.encoder, err = encode.Compile(t.fields)
	return t, err
}

// key is a column's key: its name, without _id if a foreign-key constraint makes it a reference.
func (t *table) key(c *realmport.Column) string {
	if key, ok := t.Rename[c.Name]; ok {
		return key
	}
	if c.References != "" {
		return strings.TrimSuffix(c.Name, "_id")
	}
	return c.Name
}

func (t *table) add(key string, c *realmport.Column) {
	place := len(t.fields)
	if _, twice := t.at[c.Name]; !twice {
		t.at[c.Name] = place
		if c.References != "" {
			t.refs = append(t.refs, reference{at: place, column: c.Name, target: c.References, dangling: t.dangling(c)})
		}
	}
	t.query.Columns = append(t.query.Columns, c.Name)
	t.columns = append(t.columns, c)
	iso := t.NumericTimes != nil && !slices.Contains(t.NumericTimes, c.Name)
	t.fields = append(t.fields, encode.Field{Key: key, Kind: c.Kind, ISO: iso})
}

func (t *table) dangling(c *realmport.Column) catalog.Dangling {
	if d, ok := t.OnDangling[c.Name]; ok {
		return d
	}
	if c.Nullable {
		return catalog.Clear
	}
	return catalog.Leave
}

// checkGrants finds everything that the credentials may not read, so that it can be granted at once.
func (r *run) checkGrants(schema *realmport.Schema) error {
	var denied []string
	check := func(table string, columns []string) {
		live := schema.Tables[table]
		var of []string
		for _, c := range columns {
			if col := live.Column(c); col != nil && !col.Readable && !slices.Contains(of, c) {
				of = append(of, c)
			}
		}
		if len(of) == len(live.Columns) || len(of) == len(columns) && len(of) > 0 {
			denied = append(denied, table)
		} else if len(of) > 0 {
			denied = append(denied, fmt.Sprintf("%s (%s)", table, strings.Join(of, ", ")))
		}
	}
	for _, t := range r.order {
		check(t.Name, t.query.Columns)
		for _, l := range t.query.Links {
			check(l.Table, []string{l.Owner, l.Target, l.By})
		}
	}
	if len(denied) > 0 {
		slices.Sort(denied)
		return realmport.Errorf(realmport.NotAllowed, "the database role may not read: %s; docs/operations.md has the SQL that grants it",
			strings.Join(slices.Compact(denied), ", "))
	}
	return nil
}

// warn tells the user of something that does not stop the export.
func (r *run) warn(text string) {
	r.summary.Warnings = append(r.summary.Warnings, text)
	r.Log.Warn(text)
}
