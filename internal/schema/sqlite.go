package schema

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// SQLite returns the statements that make the tables of an embedded store, and its indexes, apart so that large amounts of
// rows can be loaded in between. An error means that tables.sql or keys.sql says something that the translation does not know.
func SQLite() (tables []string, indexes []Index, err error) { return translate(tablesSQL + keysSQL) }

func translate(sql string) (tables []string, indexes []Index, err error) {
	p, err := parse(sql)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range p.tables {
		text, err := t.sqlite()
		if err != nil {
			return nil, nil, err
		}
		tables = append(tables, text)
	}
	return tables, p.indexes, nil
}

var number = regexp.MustCompile(`^[0-9]+$`)

// types are the declared types. They keep PostgreSQL's names, by which a reader knows the form and range of the values, and
// so the tables cannot be STRICT: that takes SQLite's own five names only. A second word is there where the first one alone would make
// SQLite turn a text that looks like a number into one: a JSON value of 1.50, say.
var types = map[string]string{
	"smallint": "smallint", "integer": "integer", "bigint": "bigint", "boolean": "boolean", "timestamptz": "timestamptz",
	"text": "text", "varchar": "varchar", "uuid": "uuid text", "jsonb": "jsonb text", "tsvector": "tsvector text",
}

// unrepeated lists the tables whose ids must never come again, even if the newest row is deleted: they stand in addresses that
// people keep, and in jobs.
func unrepeated() []string { return []string{"zerver_realmexport"} }

// sqlite is the statement that makes the table.
func (t *table) sqlite() (string, error) {
	var lines []string
	primary := 0
	for _, c := range t.columns {
		line, err := c.sqlite(slices.Contains(unrepeated(), t.name))
		if err != nil {
			return "", fmt.Errorf("translate table %s: %w", t.name, err)
		}
		if c.primary {
			primary++
		}
		lines = append(lines, "\t"+line)
	}
	if primary != 1 {
		return "", fmt.Errorf("translate table %s: it has %d primary keys, want 1", t.name, primary)
	}
	return fmt.Sprintf("CREATE TABLE %s (\n%s\n)", quote(t.name), strings.Join(lines, ",\n")), nil
}

// sqlite is the definition of the column.
func (c column) sqlite(unrepeated bool) (string, error) {
	typ, ok := types[c.typ]
	if !ok {
		return "", fmt.Errorf("column %s has the unknown type %q", c.name, c.typ)
	}
	if c.length != "" {
		if !number.MatchString(c.length) {
			return "", fmt.Errorf("column %s has the length %q", c.name, c.length)
		}
		typ += "(" + c.length + ")"
	}
	words := []string{quote(c.name), typ}
	if c.primary {
		if c.typ != "integer" && c.typ != "bigint" {
			return "", fmt.Errorf("column %s is a primary key of type %s", c.name, c.typ)
		}
		// Exactly this type makes it the row's own number, of 64 bits, which is made when it is not given.
		words[1] = "INTEGER PRIMARY KEY"
		if unrepeated {
			words[1] += " AUTOINCREMENT"
		}
	}
	if c.notNull {
		words = append(words, "NOT NULL")
	}
	if c.standard != "" {
		if c.standard != "true" && c.standard != "false" && !number.MatchString(c.standard) {
			return "", fmt.Errorf("column %s has the unknown default %q", c.name, c.standard)
		}
		words = append(words, "DEFAULT "+c.standard)
	}
	if c.references != "" {
		words = append(words, "REFERENCES "+quote(c.references)+" DEFERRABLE INITIALLY DEFERRED")
	}
	return strings.Join(words, " "), nil
}

// quote makes a name safe in SQL.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
