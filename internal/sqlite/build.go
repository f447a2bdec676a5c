package sqlite

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"

	"github.com/realmport/realmport"
)

// query is a statement with its arguments, and what its result columns hold.
type query struct {
	sql     string
	args    []driver.Value
	columns []column
}

// builder writes one statement.
type builder struct {
	*tables
	sql  strings.Builder
	args []driver.Value
}

// build turns a query into SQL.
func (t *tables) build(q realmport.Query) (*query, error) {
	b := &builder{tables: t}
	var list []string
	var columns []column
	for _, name := range q.Columns {
		c, err := b.column(q.Table, name)
		if err != nil {
			return nil, err
		}
		expr := "t." + quote(name)
		if c.typ.foreign {
			expr = "json_quote(" + expr + ")"
		}
		list, columns = append(list, expr), append(columns, c)
	}
	for _, l := range q.Links {
		expr, err := b.link(l)
		if err != nil {
			return nil, err
		}
		list = append(list, expr)
		columns = append(columns, column{table: l.Table, name: l.Target, typ: typ{kind: realmport.IDs}})
	}
	if len(list) == 0 {
		list = []string{"NULL"}
	}
	fmt.Fprintf(&b.sql, "SELECT %s FROM ", strings.Join(list, ", "))
	if err := b.body(q); err != nil {
		return nil, err
	}
	if q.OrderBy != "" {
		if _, err := b.column(q.Table, q.OrderBy); err != nil {
			return nil, err
		}
		b.sql.WriteString(" ORDER BY t." + quote(q.OrderBy)) // texts are compared bytewise
	}
	if q.Limit > 0 {
		fmt.Fprintf(&b.sql, " LIMIT %d", q.Limit)
	}
	return &query{sql: b.sql.String(), args: b.args, columns: columns}, nil
}

// body writes what comes between SELECT and the order.
func (b *builder) body(q realmport.Query) error {
	if q.Through == nil {
		b.sql.WriteString(quote(q.Table) + " AS t")
		return b.where(q.Table, "t", q.Where, " WHERE ")
	}
	if _, err := b.column(q.Table, q.Through.Column); err != nil {
		return err
	}
	if _, err := b.column(q.Through.Table, q.Through.Key); err != nil {
		return err
	}
	// SQLite never changes the order of a CROSS JOIN: the other table's rows come first, and each is looked up in this one.
	fmt.Fprintf(&b.sql, "%s AS v CROSS JOIN %s AS t ON t.%s = v.%s", quote(q.Through.Table), quote(q.Table),
		quote(q.Through.Column), quote(q.Through.Key))
	if err := b.where(q.Through.Table, "v", q.Through.Where, " AND "); err != nil {
		return err
	}
	return b.where(q.Table, "t", q.Where, " AND ")
}

// link is the expression that yields the linked ids, as a list of decimals.
func (b *builder) link(l realmport.Link) (string, error) {
	for _, name := range []string{l.Owner, l.Target, l.By} {
		if _, err := b.column(l.Table, name); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("(SELECT group_concat(l.%s, ',' ORDER BY l.%s) FROM %s AS l WHERE l.%s = t.id)",
		quote(l.Target), quote(l.By), quote(l.Table), quote(l.Owner)), nil
}

// where writes the conditions, after the word that they follow.
func (b *builder) where(table, alias string, conds []realmport.Cond, word string) error {
	for _, c := range conds {
		part, err := b.cond(table, alias, c)
		if err != nil {
			return err
		}
		b.sql.WriteString(word + part)
		word = " AND "
	}
	return nil
}

// cond writes one condition.
func (b *builder) cond(table, alias string, c realmport.Cond) (string, error) {
	var name string
	switch c := c.(type) {
	case realmport.Equal:
		name = c.Column
	case realmport.In:
		name = c.Column
	case realmport.Null:
		name = c.Column
	case realmport.Between:
		name = c.Column
	case realmport.Or:
		return b.any(table, alias, c)
	default:
		return "", fmt.Errorf("unknown condition %T", c)
	}
	if _, err := b.column(table, name); err != nil {
		return "", err
	}
	col := alias + "." + quote(name)
	switch c := c.(type) {
	case realmport.Equal:
		return col + " = " + b.arg(c.Value), nil
	case realmport.In:
		return col + " IN (SELECT value FROM json_each(" + b.arg(list(c.IDs)) + "))", nil
	case realmport.Between:
		return col + " BETWEEN " + b.arg(c.From) + " AND " + b.arg(c.To), nil
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
		part, err := b.cond(table, alias, c)
		if err != nil {
			return "", err
		}
		parts[i] = part
	}
	return "(" + strings.Join(parts, " OR ") + ")", nil
}

// arg adds an argument and returns its place.
func (b *builder) arg(v any) string {
	b.args = append(b.args, v)
	return "?" + strconv.Itoa(len(b.args))
}

// list is a JSON array: any number of ids is one argument.
func list(ids []int64) string {
	out := make([]byte, 0, 2+8*len(ids))
	out = append(out, '[')
	for i, id := range ids {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, id, 10)
	}
	return string(append(out, ']'))
}
