package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	lib "modernc.org/sqlite/lib"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/schema"
)

// Loader fills a new database, under a temporary name until it is whole.
type Loader struct {
	path, temporary string
	conn            *conn // nil when it is over
	tables          *tables
	indexes         []schema.Index
	statements      map[string][]*insertion // by table
	failed          error                   // an Insert that left SQLite's own checks unmet
}

var _ realmport.Loader = (*Loader)(nil)

// Create begins a new database at path, with the tables of the shape. Nothing may be there. The caller ends it
// with Commit or Abort.
func Create(ctx context.Context, path string) (*Loader, error) {
	path, err := absolute(path)
	if err != nil {
		return nil, err
	}
	if err := vacant(path); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".realmport-new-*.db") // for this user only
	if err != nil {
		return nil, wrap(realmport.NotAllowed, err, "cannot make a database in %s (%v): choose a folder that exists and that this user may write",
			filepath.Dir(path), cause(err))
	}
	l := &Loader{path: path, temporary: f.Name(), statements: map[string][]*insertion{}}
	if err = f.Close(); err == nil {
		err = l.begin(ctx)
	}
	if err != nil {
		_ = l.Abort()
		return nil, explain(ctx, path, err)
	}
	return l, nil
}

// vacant checks that there is no database at path. What is left beside one would be taken for the new one's.
func vacant(path string) error {
	for _, name := range append([]string{path}, beside(path)...) {
		if _, err := os.Lstat(name); err == nil {
			return realmport.Errorf(realmport.Conflict, "%s is there already: choose another name for the new database, or move it away", name)
		}
	}
	return nil
}

// begin makes the tables. A file that will be thrown away after a crash needs no protection from one; references are
// checked all at once, at the end.
func (l *Loader) begin(ctx context.Context) (err error) {
	l.conn, err = connect(ctx, l.temporary, settings{
		"_journal_mode": "MEMORY", "_synchronous": "OFF", "_foreign_keys": "0", "_pragma": "cache_size(-65536)",
	})
	if err != nil {
		return err
	}
	statements, indexes, err := schema.SQLite()
	if err != nil {
		return err
	}
	l.indexes = indexes
	if err := l.conn.execute(ctx, "BEGIN; "+strings.Join(statements, ";\n")); err != nil {
		return err
	}
	l.tables, err = readTables(ctx, l.conn)
	return err
}

// Columns implements realmport.Loader.
func (l *Loader) Columns(table string) []realmport.Column {
	if t := l.tables.schema.Tables[table]; t != nil {
		return slices.Clone(t.Columns)
	}
	return nil
}

// errOver is a mistake of the caller.
var errOver = errors.New("the loader has ended")

// newColumn is what the names of added columns look like.
var newColumn = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// AddColumn adds a column that may be null to a table: an archive of a newer server may have more than the shape. Errors
// have the code Invalid, or Conflict if the table has it.
func (l *Loader) AddColumn(ctx context.Context, table, name string, kind realmport.Kind) error {
	if l.conn == nil {
		return errOver
	}
	tab, declared := l.tables.schema.Tables[table], declaredType(kind)
	switch {
	case tab == nil:
		return realmport.Errorf(realmport.Invalid, "there is no table %q for a column %q", table, name)
	case !newColumn.MatchString(name):
		return realmport.Errorf(realmport.Invalid, "%s cannot have a column %q: its name must be of the letters a to z, digits and _", table, name)
	case declared == "":
		return realmport.Errorf(realmport.Invalid, "%s.%s cannot be made: no column has kind %d", table, name, kind)
	case tab.Column(name) != nil:
		return realmport.Errorf(realmport.Conflict, "%s has a column %s already", table, name)
	}
	err := l.conn.execute(ctx, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", quote(table), quote(name), declared))
	if err != nil {
		return explain(ctx, l.path, err)
	}
	tab.Columns = append(tab.Columns, realmport.Column{Name: name, Kind: kind, Nullable: true, Readable: true})
	l.tables.columns[table][name] = column{table: table, name: name, typ: typeDeclared(declared, false), nullable: true}
	return nil
}

// Insert implements realmport.Loader. A time loses what is below a microsecond. Columns that are not named get their default, and
// an id the next number.
func (l *Loader) Insert(ctx context.Context, table string, columns []string, values []any) error {
	if l.conn == nil {
		return errOver
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s, err := l.insertion(ctx, table, columns)
	if err != nil {
		return explain(ctx, l.path, err)
	}
	if len(values) != len(columns) {
		return realmport.Errorf(realmport.Invalid, "a row of %s has %d values for %d columns", table, len(values), len(columns))
	}
	for i := range s.columns {
		if s.args[i].Value, err = s.columns[i].bind(values[i]); err != nil {
			return realmport.Errorf(realmport.Invalid, "%s.%s cannot hold a value: %w", table, s.columns[i].name, err)
		}
	}
	// One row is no work to interrupt.
	if _, err = s.ExecContext(context.WithoutCancel(ctx), s.args); err == nil {
		return nil
	}
	if status(err) == lib.SQLITE_CONSTRAINT { // nothing else is unique so far
		err = wrap(realmport.Invalid, err, "%s has two rows with the id %v", table, s.id())
	}
	l.failed = explain(ctx, l.path, err)
	return l.failed
}

// Abort implements realmport.Loader.
func (l *Loader) Abort() error {
	if err := l.disconnect(); err != nil {
		return fmt.Errorf("close an unfinished database: %w", err)
	}
	if l.temporary == "" {
		return nil
	}
	var errs []error
	for _, name := range append([]string{l.temporary}, beside(l.temporary)...) {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			errs = append(errs, fmt.Errorf("remove an unfinished database: %w", err))
		}
	}
	l.temporary = ""
	return errors.Join(errs...)
}

// disconnect closes the connection, once.
func (l *Loader) disconnect() error {
	if l.conn == nil {
		return nil
	}
	for _, list := range l.statements {
		for _, s := range list {
			_ = s.Close()
		}
	}
	c := l.conn
	l.conn, l.statements = nil, nil
	return c.Close()
}

// insertion is a statement that inserts rows with values for certain columns.
type insertion struct {
	statement
	names   []string
	columns []column
	args    []driver.NamedValue
}

// statement is what the driver's statements can do.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
}

// id is the id of the row that was inserted last, nil if it was not given.
func (s *insertion) id() any {
	for i, c := range s.columns {
		if c.rowid {
			return s.args[i].Value
		}
	}
	return nil
}

// insertion prepares a statement, or finds the one that was prepared before.
func (l *Loader) insertion(ctx context.Context, table string, names []string) (*insertion, error) {
	for _, s := range l.statements[table] {
		if slices.Equal(s.names, names) {
			return s, nil
		}
	}
	s := &insertion{names: slices.Clone(names), args: make([]driver.NamedValue, len(names))}
	if err := l.complete(table, s); err != nil {
		return nil, err
	}
	sql := "INSERT INTO " + quote(table) + " DEFAULT VALUES"
	if len(names) > 0 {
		quoted := make([]string, len(names))
		for i, name := range names {
			quoted[i] = quote(name)
		}
		sql = fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s)", quote(table), strings.Join(quoted, ", "), strings.Repeat(", ?", len(names)-1))
	}
	prepared, err := l.conn.PrepareContext(ctx, sql)
	if err != nil {
		return nil, err
	}
	var ok bool
	if s.statement, ok = prepared.(statement); !ok {
		_ = prepared.Close()
		return nil, fmt.Errorf("prepare an insertion: a statement of type %T", prepared)
	}
	l.statements[table] = append(l.statements[table], s)
	return s, nil
}

// complete finds the columns of an insertion, and checks that it leaves none out that must have a value.
func (l *Loader) complete(table string, s *insertion) error {
	tab := l.tables.schema.Tables[table]
	if tab == nil {
		return realmport.Errorf(realmport.Invalid, "there is no table %q", table)
	}
	for i, name := range s.names {
		c, ok := l.tables.columns[table][name]
		if !ok || slices.Contains(s.names[:i], name) {
			return realmport.Errorf(realmport.Invalid, "a row of %s has a value for %q, which is no column of it or has one already", table, name)
		}
		s.columns = append(s.columns, c)
		s.args[i].Ordinal = i + 1
	}
	for _, c := range l.tables.columns[table] {
		if !c.nullable && !c.rowid && !c.standard && !slices.Contains(s.names, c.name) {
			return realmport.Errorf(realmport.Invalid, "a row of %s has no value for %s, which must have one", table, c.name)
		}
	}
	return nil
}
