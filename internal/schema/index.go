package schema

import (
	"fmt"
	"slices"
	"strings"
)

// Index is an index of a table in an embedded store.
type Index struct {
	Name, Table string
	Unique      bool
	Keys        []string // in SQL: quoted columns, or expressions of them
	Where       string   // in SQL: the rows that it holds, "" for all
}

// SQL is the statement that makes the index.
func (i Index) SQL() string {
	unique, where := "", ""
	if i.Unique {
		unique = "UNIQUE "
	}
	if i.Where != "" {
		where = " WHERE " + i.Where
	}
	return fmt.Sprintf("CREATE %sINDEX %s ON %s (%s)%s", unique, quote(i.Name), quote(i.Table), strings.Join(i.Keys, ", "), where)
}

// createIndex reads what follows CREATE INDEX ON.
func (p *parsed) createIndex(unique bool) {
	t := p.table(p.name())
	// SQLite has no such index; the only column with one is never read.
	skip := p.accept("USING", "gin")
	keys := p.keys(t)
	index := Index{Table: t.name, Unique: unique}
	if p.accept("WHERE") {
		index.Where = p.condition(t)
	}
	if p.accept("WITH") {
		p.expect("(", "fastupdate", "=", "off", ")")
	}
	if !skip {
		p.addIndex(index, keys)
	}
}

// key is what an index is ordered by.
type key struct {
	column, function string
	descending       bool
}

// keys reads the list of an index's keys.
func (p *parsed) keys(t *table) []key {
	var list []key
	p.expect("(")
	for p.err == nil {
		k := key{column: p.name()}
		// Beyond ASCII, SQLite's functions leave letters as they are. What is unique to PostgreSQL is still unique to it.
		if k.column == "upper" || k.column == "lower" {
			k.function = k.column
			p.expect("(")
			k.column = p.name()
			p.expect(")")
		}
		if t.column(k.column) == nil {
			p.fail("%s has no column %q for an index", t.name, k.column)
		}
		// To SQLite, nulls are less than anything: going down they come last.
		if p.accept("DESC", "NULLS", "LAST") {
			k.descending = true
		}
		list = append(list, k)
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return list
}

// addIndex names an index as PostgreSQL would, more or less.
func (p *parsed) addIndex(i Index, keys []key) {
	words := []string{i.Table}
	for _, k := range keys {
		sql := quote(k.column)
		if k.function != "" {
			words = append(words, k.function)
			sql = k.function + "(" + sql + ")"
		}
		if k.descending {
			sql += " DESC"
		}
		words = append(words, k.column)
		i.Keys = append(i.Keys, sql)
	}
	base := strings.Join(append(words, "idx"), "_")
	i.Name = base
	for n := 2; slices.ContainsFunc(p.indexes, func(other Index) bool { return other.Name == i.Name }); n++ {
		i.Name = fmt.Sprintf("%s%d", base, n)
	}
	p.indexes = append(p.indexes, i)
}

// condition reads the condition of a partial index. Its words and signs mean the same to both databases.
func (p *parsed) condition(t *table) string {
	known := []string{"NOT", "AND", "OR", "IN", "IS", "NULL", "&", "=", "<>", "(", ")", ","}
	var words []string
	for p.err == nil && !p.peek(";") && !p.peek("WITH") {
		tok := p.next()
		switch {
		case t.column(tok.text) != nil:
			words = append(words, quote(tok.text))
		case !tok.quoted && (slices.Contains(known, tok.text) || number.MatchString(tok.text)):
			words = append(words, tok.text)
		default:
			p.fail("unknown word %q in a condition", tok.text)
		}
	}
	return strings.Join(words, " ")
}
