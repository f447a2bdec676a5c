package verify

import (
	"fmt"
	"io"
	"math/bits"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// maxTables bounds the outer names of a data file; a server's own has about forty.
const maxTables = 1000

// readTables reads a file of tables. kind is the file's name, or messagesFile.
func (c *check) readTables(file, kind string, body io.Reader) {
	known := requiredTables(kind)
	if kind == realmFile {
		known = append(known, optionalTables()...)
	}
	rows := map[string]int64{}
	j := c.newJSON(body)
	err := j.object(func(name string) error {
		if len(rows) >= maxTables {
			return shapeError("holds too many tables")
		}
		if !slices.Contains(known, name) {
			return c.readUnknown(file, kind, name, j, rows)
		}
		t := c.tables[name]
		n, err := c.readRows(file, t, j)
		rows[name] = n
		return err
	})
	if c.naming {
		return
	}
	c.files[file].rows = rows
	if !c.readWell(file, j, err) {
		c.unread(file)
		return
	}
	for _, name := range requiredTables(kind) {
		if _, ok := rows[name]; !ok {
			c.tell(file, name, 0, "the file lacks this table, without which it cannot be imported")
			c.unread(file)
		}
	}
}

// readWell tells whether a JSON file came to its end after err, and says so if not.
func (c *check) readWell(file string, j *jsonReader, err error) bool {
	if err == nil {
		err = j.end()
	}
	if err == nil {
		return true
	}
	if fault := j.fault(err); fault != "" && !c.naming {
		c.tell(file, "", 0, "%s", fault)
	}
	if f := c.files[file]; f != nil {
		f.broken = true
	}
	return false
}

// readUnknown reads a table, or something else, that is not known. The importer overlooks it, so its rows
// only have to be rows. In a file of messages there is nothing else.
func (c *check) readUnknown(file, kind, name string, j *jsonReader, rows map[string]int64) error {
	if _, elsewhere := c.tables[name]; (elsewhere || kind == messagesFile) && !c.naming {
		c.tell(file, name, 0, "this does not belong in the file")
	} else if j.kind() == jsontext.KindBeginArray {
		n, err := c.readRows(file, &table{name: name, id: -1}, j)
		rows[name] = n
		return err
	}
	if j.kind() != jsontext.KindBeginArray {
		_, err := j.value()
		return err
	}
	return j.array(func(jsontext.Value) error { return nil })
}

// readRows reads the rows of a table and returns their number.
func (c *check) readRows(file string, t *table, j *jsonReader) (n int64, err error) {
	err = j.array(func(v jsontext.Value) error {
		n++
		c.at = place{file: file, table: t}
		if v.Kind() != jsontext.KindBeginObject {
			if !c.naming {
				c.tellRow("row %d is %s instead of an object", n, article(v.Kind()))
			}
			return nil
		}
		if err := c.row.scan(v, t); err != nil {
			return shapeError(fmt.Sprintf("row %d of %s %s", n, printable(t.name), err))
		}
		c.readRow(t)
		return nil
	})
	if !c.naming {
		t.rows += n
		c.report.Rows += n
		c.report.Tables[printable(t.name)] += n
	}
	return n, err
}

// readRow looks at the row at hand.
func (c *check) readRow(t *table) {
	r := &c.row
	if t.id >= 0 {
		if id, ok := r.field(t.id); ok && id.whole {
			c.at.id = id.n
		}
		if !c.naming {
			c.readID(t)
		}
	}
	if missing := t.needed &^ r.seen; missing != 0 && !c.naming {
		c.lacks(t, missing)
	}
	for i := range t.fields {
		v, ok := r.field(i)
		if !ok {
			continue
		}
		f := &t.fields[i]
		switch {
		case f.form == refForm && v.whole:
			c.reference(f.key, f.to, v.n)
		case !c.naming && !f.takes(v):
			c.tellRow("%s is %s instead of %s", f.key, said(v), f.noun())
		}
	}
	if t.look != nil {
		t.look(c, t, r)
	}
}

// readID takes the id of the row at hand.
func (c *check) readID(t *table) {
	id, ok := c.row.field(t.id)
	switch {
	case !ok && t.noID:
	case !ok:
		c.tellRow("a row has no id")
	case id.whole && !valid(id.n):
		c.tellRow("the id is beyond any that a server gives")
	case id.whole && !t.ids.add(id.n):
		c.tellRow("there is another row with this id")
	}
}

// lacks counts the needed keys that the row at hand does not have.
func (c *check) lacks(t *table, missing uint64) {
	for ; missing != 0; missing &= missing - 1 {
		f := &t.fields[bits.TrailingZeros64(missing)]
		if f.lacking == 0 {
			f.first = c.at
		}
		f.lacking++
	}
}

func (f *field) noun() string {
	if f.nullable {
		return f.form.noun() + " or null"
	}
	return f.form.noun()
}

// takes tells whether a field can have the value.
func (f *field) takes(v *value) bool {
	if v.kind == jsontext.KindNull && (f.nullable || f.form == dateForm) {
		return true
	}
	switch f.form {
	case refForm, intForm:
		return v.whole
	case numberForm:
		return v.kind == jsontext.KindNumber
	case textForm, dateForm:
		return v.kind == jsontext.KindString
	case boolForm:
		return v.kind == jsontext.KindTrue || v.kind == jsontext.KindFalse
	case listForm:
		return v.kind == jsontext.KindBeginArray
	case anyForm:
	}
	return true
}

// said describes a value: the value itself where it is short, and else its kind.
func said(v *value) string {
	if len(v.raw) <= 40 && v.kind != jsontext.KindBeginArray && v.kind != jsontext.KindBeginObject {
		return printable(string(v.raw))
	}
	return article(v.kind)
}
