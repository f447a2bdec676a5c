package demo

import (
	"fmt"
	"time"

	"github.com/realmport/realmport"
)

// sink is where rows go: a PostgreSQL database or an embedded store.
type sink interface {
	// columns describes a table, in its own order; nil if there is none.
	columns(table string) []realmport.Column
	// copy adds rows to a table. next writes one or several of them, or none; it returns false at the end.
	copy(table string, columns []string, next func(w writer) bool) error
}

// writer takes the values of a row in the order of its columns. A JSON value or a UUID is a text.
type writer interface {
	null()
	bool(v bool)
	int(v int64)
	text(v string)
	time(v time.Time)
	end() // of the row
}

// each calls write for the numbers from 0 up to n, as what sink.copy wants.
func each(n int, write func(w writer, i int)) func(writer) bool {
	i := -1
	return func(w writer) bool {
		if i++; i >= n {
			return false
		}
		write(w, i)
		return true
	}
}

// write writes a row.
func write(w writer, row ...any) {
	for _, v := range row {
		switch v := v.(type) {
		case nil:
			w.null()
		case bool:
			w.bool(v)
		case int:
			w.int(int64(v))
		case int64:
			w.int(v)
		case string:
			w.text(v)
		case time.Time:
			w.time(v)
		default:
			panic(fmt.Sprintf("demo: value of type %T", v))
		}
	}
	w.end()
}
