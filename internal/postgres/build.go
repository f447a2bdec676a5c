package postgres

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/realmport/realmport"
)

// query is a statement, its parameters in text form, and the format of each result column.
type query struct {
	sql     string
	args    [][]byte
	formats []int16
}

const (
	textFormat   = 0
	binaryFormat = 1
)

// builder writes one statement.
type builder struct {
	*tables
	sql  strings.Builder
	args [][]byte
}

// build turns a query into SQL. The same shape of query gives the same text, whatever its values, so
// that a statement can be prepared.
func (t *tables) build(q realmport.Query) (*query, error) {
	b := &builder{tables: t}
	formats := make([]int16, 0, len(q.Columns)+len(q.Links))
	list := make([]string, 0, cap(formats))
	for _, name := range q.Columns {
		expr, format, err := b.column(q.Table, name)
		if err != nil {
			return nil, err
		}
		list, formats = append(list, expr), append(formats, format)
	}
	for _, l := range q.Links {
		list, formats = append(list, b.link(l)), append(formats, binaryFormat)
	}
	if err := b.body(q, list); err != nil {
		return nil, err
	}
	if q.Limit > 0 {
		fmt.Fprintf(&b.sql, " LIMIT %d", q.Limit)
	}
	return &query{sql: b.sql.String(), args: b.args, formats: formats}, nil
}

// body writes everything up to the order.
func (b *builder) body(q realmport.Query, list []string) error {
	from := b.table(q.Table) + " AS t"
	if q.Through == nil {
		fmt.Fprintf(&b.sql, "SELECT %s FROM %s", strings.Join(list, ", "), from)
		if err := b.where(q.Table, "t", q.Where); err != nil {
			return err
		}
		return b.order(q, "t."+quote(q.OrderBy))
	}
	// OFFSET 0 keeps the inner query apart, so that it stays one index look-up
	// per row of the other table instead of a scan of this one.
	names := make([]string, len(list))
	for i := range list {
		names[i] = "r.c" + strconv.Itoa(i)
		list[i] += " AS c" + strconv.Itoa(i)
	}
	fmt.Fprintf(&b.sql, "SELECT %s FROM (SELECT v.%s AS key FROM %s AS v", strings.Join(names, ", "),
		quote(q.Through.Key), b.table(q.Through.Table))
	if err := b.where(q.Through.Table, "v", q.Through.Where); err != nil {
		return err
	}
	if _, err := b.typeOf(q.Table, q.Through.Column); err != nil {
		return err
	}
	if _, err := b.typeOf(q.Through.Table, q.Through.Key); err != nil {
		return err
	}
	if q.OrderBy != "" {
		list = append(list, "t."+quote(q.OrderBy)+" AS ordered")
	}
	fmt.Fprintf(&b.sql, ") AS k CROSS JOIN LATERAL (SELECT %s FROM %s", strings.Join(list, ", "), from)
	if err := b.where(q.Table, "t", q.Where, "t."+quote(q.Through.Column)+" = k.key"); err != nil {
		return err
	}
	b.sql.WriteString(" OFFSET 0) AS r")
	return b.order(q, "r.ordered")
}

func (b *builder) order(q realmport.Query, expr string) error {
	if q.OrderBy == "" {
		return nil
	}
	typ, err := b.typeOf(q.Table, q.OrderBy)
	if err != nil {
		return err
	}
	b.sql.WriteString(" ORDER BY " + expr)
	if typ.kind == realmport.Text {
		b.sql.WriteString(` COLLATE "C"`)
	}
	return nil
}

func (b *builder) table(name string) string { return b.space + "." + quote(name) }

func (b *builder) typeOf(table, column string) (typ, error) {
	t, ok := b.types[table][column]
	if !ok {
		return typ{}, realmport.Errorf(realmport.Unsupported, "the database has no column %s.%s, which the export needs", table, column)
	}
	return t, nil
}

// column is the expression that yields a column in the form of its kind.
func (b *builder) column(table, name string) (expr string, format int16, err error) {
	typ, err := b.typeOf(table, name)
	if err != nil {
		return "", 0, err
	}
	switch {
	case typ.json:
		return "t." + quote(name), textFormat, nil
	case typ.kind == realmport.JSON:
		return "to_json(t." + quote(name) + ")", textFormat, nil
	default:
		return "t." + quote(name), binaryFormat, nil
	}
}

// link is the expression that yields the linked ids as 8 bytes each.
func (b *builder) link(l realmport.Link) string {
	return fmt.Sprintf("(SELECT coalesce(string_agg(int8send(l.%s::bigint), ''::bytea ORDER BY l.%s), ''::bytea) FROM %s AS l WHERE l.%s = t.id)",
		quote(l.Target), quote(l.By), b.table(l.Table), quote(l.Owner))
}

// where writes the conditions, and the extra ones as they are.
func (b *builder) where(table, alias string, conds []realmport.Cond, extra ...string) error {
	parts := extra
	for _, c := range conds {
		part, err := b.cond(table, alias, c, true)
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	if len(parts) > 0 {
		b.sql.WriteString(" WHERE " + strings.Join(parts, " AND "))
	}
	return nil
}

// cond writes one condition; top tells that it may drive an index scan.
func (b *builder) cond(table, alias string, c realmport.Cond, top bool) (string, error) {
	var column string
	switch c := c.(type) {
	case realmport.Equal:
		column = c.Column
	case realmport.In:
		column = c.Column
	case realmport.Null:
		column = c.Column
	case realmport.Between:
		column = c.Column
	case realmport.Or:
		return b.any(table, alias, c)
	default:
		return "", fmt.Errorf("unknown condition %T", c)
	}
	typ, err := b.typeOf(table, column)
	if err != nil {
		return "", err
	}
	col := alias + "." + quote(column)
	switch c := c.(type) {
	case realmport.Equal:
		if n, ok := c.Value.(int64); ok && !typ.holds(n) {
			return "false", nil
		}
		// A nil value would be NULL, also for an empty text.
		return col + " = " + b.arg(fmt.Append([]byte{}, c.Value), typ.name), nil
	case realmport.In:
		ids := b.arg(array(c.IDs, typ), typ.name+"[]")
		if top {
			return col + " = ANY (" + ids + ")", nil
		}
		// Beside other conditions it is a filter: look each row up in a hash table.
		return col + " IN (SELECT unnest(" + ids + "))", nil
	case realmport.Between:
		low, high := typ.bounds()
		if c.From > high || c.To < low {
			return "false", nil
		}
		return col + " BETWEEN " + b.arg(strconv.AppendInt(nil, max(c.From, low), 10), typ.name) +
			" AND " + b.arg(strconv.AppendInt(nil, min(c.To, high), 10), typ.name), nil
	default:
		return col + " IS NULL", nil
	}
}

func (b *builder) any(table, alias string, conds []realmport.Cond) (string, error) {
	if len(conds) == 0 {
		return "false", nil
	}
	parts := make([]string, len(conds))
	for i, c := range conds {
		part, err := b.cond(table, alias, c, false)
		if err != nil {
			return "", err
		}
		parts[i] = part
	}
	return "(" + strings.Join(parts, " OR ") + ")", nil
}

// arg adds a parameter and returns its place, with the column's own type so that its index serves.
func (b *builder) arg(value []byte, typ string) string {
	b.args = append(b.args, value)
	return "$" + strconv.Itoa(len(b.args)) + "::" + typ
}

// array is the text form of an array of those integers that a column of the type can hold.
func array(ids []int64, typ typ) []byte {
	out := make([]byte, 0, 2+8*len(ids))
	out = append(out, '{')
	for _, id := range ids {
		if !typ.holds(id) {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, id, 10)
	}
	return append(out, '}')
}

// quote makes an identifier safe in SQL.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
