package export

import (
	"cmp"
	"slices"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/encode"
)

// group puts the rows of a document that share a key into the order of their ids. The
// rows of one key must come together.
type group struct {
	*document
	key  int64
	buf  []byte
	rows []span
}

// span is where a row's text stands in the buffer.
type span struct {
	id         int64
	start, end int
}

// add takes one row.
func (g *group) add(e *encode.Encoder, row realmport.Row, key, id []byte) error {
	k, err := encode.Int(key)
	if err != nil {
		return err
	}
	if k != g.key {
		if err := g.end(); err != nil {
			return err
		}
		g.key = k
	}
	n, err := encode.Int(id)
	if err != nil {
		return err
	}
	start := len(g.buf)
	g.buf, err = e.AppendRow(g.buf, row)
	g.rows = append(g.rows, span{n, start, len(g.buf)})
	return err
}

// end writes the rows of the present key.
func (g *group) end() error {
	byID := func(a, b span) int { return cmp.Compare(a.id, b.id) }
	if !slices.IsSortedFunc(g.rows, byID) {
		slices.SortFunc(g.rows, byID)
	}
	for _, s := range g.rows {
		if err := g.addRaw(g.buf[s.start:s.end]); err != nil {
			return err
		}
	}
	g.buf, g.rows = g.buf[:0], g.rows[:0]
	return nil
}
