package schema

// table is a table as PostgreSQL has it.
type table struct {
	name    string
	columns []column
}

func (t *table) column(name string) *column {
	for i := range t.columns {
		if t.columns[i].name == name {
			return &t.columns[i]
		}
	}
	return nil
}

// column is a column of a table.
type column struct {
	name, typ  string
	length     string // of a varchar
	notNull    bool
	primary    bool
	standard   string // the default value, "" for none
	references string // a table, by its primary key
}

// parsed is the whole shape.
type parsed struct {
	*reader
	tables  []*table
	indexes []Index
}

func (p *parsed) table(name string) *table {
	for _, t := range p.tables {
		if t.name == name {
			return t
		}
	}
	p.fail("there is no table %s", name)
	return &table{}
}

// parse reads statements. It knows what the shape is written in, and fails at anything else.
func parse(sql string) (*parsed, error) {
	list, err := tokens(sql)
	if err != nil {
		return nil, err
	}
	p := &parsed{reader: &reader{tokens: list}}
	for p.err == nil && p.at < len(p.tokens) {
		switch {
		case p.accept("CREATE", "TABLE"):
			p.createTable()
		case p.accept("ALTER", "TABLE"):
			p.alterTable()
		case p.accept("CREATE", "UNIQUE", "INDEX", "ON"):
			p.createIndex(true)
		case p.accept("CREATE", "INDEX", "ON"):
			p.createIndex(false)
		default:
			p.fail("unknown statement")
		}
		p.expect(";")
	}
	return p, p.err
}

func (p *parsed) createTable() {
	t := &table{name: p.name()}
	p.expect("(")
	t.columns = append(t.columns, p.newColumn())
	for p.accept(",") {
		t.columns = append(t.columns, p.newColumn())
	}
	p.expect(")")
	p.tables = append(p.tables, t)
}

// newColumn reads a column up to the comma or parenthesis behind it.
func (p *parsed) newColumn() column {
	c := column{name: p.name(), typ: p.name()}
	if c.typ == "varchar" {
		p.expect("(")
		c.length = p.next().text
		p.expect(")")
	}
	for p.err == nil && !p.peek(",") && !p.peek(")") {
		switch {
		// An id of SQLite is always made when it is not given.
		case p.accept("GENERATED", "BY", "DEFAULT", "AS", "IDENTITY"):
		case p.accept("PRIMARY", "KEY"):
			c.primary, c.notNull = true, true
		case p.accept("NOT", "NULL"):
			c.notNull = true
		case p.accept("DEFAULT"):
			c.standard = p.next().text
		default:
			p.fail("unknown word about column %s", c.name)
		}
	}
	return c
}

func (p *parsed) alterTable() {
	t := p.table(p.name())
	for p.err == nil {
		p.expect("ADD")
		switch {
		case p.accept("UNIQUE"):
			p.addIndex(Index{Table: t.name, Unique: true}, p.keys(t))
		case p.accept("FOREIGN", "KEY"):
			p.foreignKey(t)
		default:
			p.fail("unknown constraint of table %s", t.name)
		}
		if !p.accept(",") {
			return
		}
	}
}

// foreignKey reads what follows FOREIGN KEY.
func (p *parsed) foreignKey(t *table) {
	columns := p.names()
	p.expect("REFERENCES")
	target := p.table(p.name())
	p.expect("DEFERRABLE", "INITIALLY", "DEFERRED")
	c := t.column(columns[0])
	if c == nil || len(columns) > 1 || c.references != "" {
		p.fail("cannot take a foreign key of %s (%v)", t.name, columns)
		return
	}
	c.references = target.name
}
