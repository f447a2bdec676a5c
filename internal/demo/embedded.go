package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/realmport/realmport"
)

// store fills an embedded store.
type store struct {
	ctx    context.Context //nolint:containedctx // lives as long as one call of a Load function
	loader realmport.Loader
}

func (s *store) columns(table string) []realmport.Column { return s.loader.Columns(table) }

func (s *store) copy(table string, columns []string, next func(w writer) bool) error {
	in := &inserter{store: s, table: table, names: columns, json: make([]bool, len(columns))}
	kinds := map[string]realmport.Kind{}
	for _, c := range s.loader.Columns(table) {
		kinds[c.Name] = c.Kind
	}
	for i, name := range columns {
		in.json[i] = kinds[name] == realmport.JSON
	}
	for in.err == nil && next(in) {
	}
	if in.err != nil {
		return fmt.Errorf("load table %s: %w", table, in.err)
	}
	return nil
}

// inserter inserts rows until one fails.
type inserter struct {
	*store
	table string
	names []string
	json  []bool // the columns that want JSON
	cells []any
	err   error
}

func (in *inserter) null()            { in.cells = append(in.cells, nil) }
func (in *inserter) bool(v bool)      { in.cells = append(in.cells, v) }
func (in *inserter) int(v int64)      { in.cells = append(in.cells, v) }
func (in *inserter) time(v time.Time) { in.cells = append(in.cells, v) }

func (in *inserter) text(v string) {
	if i := len(in.cells); i < len(in.json) && in.json[i] {
		in.cells = append(in.cells, json.RawMessage(v))
		return
	}
	in.cells = append(in.cells, v)
}

func (in *inserter) end() {
	if in.err == nil {
		in.err = in.loader.Insert(in.ctx, in.table, in.names, in.cells)
	}
	in.cells = in.cells[:0]
}

// embed loads what fill does into an embedded store, and the rows that tell its version.
func embed(ctx context.Context, l realmport.Loader, fill func(sink) error) error {
	s := &store{ctx: ctx, loader: l}
	return firstError(
		func() error { return load(s, migrations()) },
		func() error { return fill(s) },
	)
}
