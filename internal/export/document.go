package export

import (
	"strconv"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/archive"
	"github.com/realmport/realmport/internal/encode"
)

// flushAt is how many bytes a document gathers before it compresses them.
const flushAt = 32 << 10

// document is a JSON file in the making: an object of lists, or one bare list. One row stands on
// one line, so that line tools can read what a person cannot.
type document struct {
	builder *archive.Builder
	meter   *realmport.Meter
	buf     []byte
	lists   int
	rows    int64 // of the open list
	flushed int64 // rows of the open list that the meter knows of
	counts  map[string]int64
	key     string
}

func newDocument(pool *archive.Pool, meter *realmport.Meter) *document {
	return &document{builder: pool.Builder(), meter: meter, counts: map[string]int64{}}
}

func (r *run) newDocument() *document { return newDocument(r.maker.pool, r.Meter) }

// open begins the list of the given key.
func (d *document) open(key string) {
	sep := "{"
	if d.lists > 0 {
		d.end()
		sep = ","
	}
	d.buf = append(d.buf, sep...)
	d.buf = append(encode.AppendString(d.buf, []byte(key)), ":["...)
	d.lists++
	d.key, d.rows, d.flushed = key, 0, 0
}

// openBare begins the list that is the whole document.
func (d *document) openBare() { d.buf = append(d.buf, '[') }

// end ends the open list.
func (d *document) end() {
	if d.rows > 0 {
		d.buf = append(d.buf, '\n')
	}
	d.buf = append(d.buf, ']')
	d.counts[d.key] = d.rows
}

// next begins a row of the open list.
func (d *document) next() {
	if d.rows > 0 {
		d.buf = append(d.buf, ',')
	}
	d.buf = append(d.buf, '\n')
	d.rows++
}

// add writes a row.
func (d *document) add(e *encode.Encoder, row realmport.Row) error {
	d.next()
	var err error
	if d.buf, err = e.AppendRow(d.buf, row); err != nil {
		return err
	}
	return d.spill(flushAt)
}

// addRaw writes a row that is JSON already.
func (d *document) addRaw(json []byte) error {
	d.next()
	d.buf = append(d.buf, json...)
	return d.spill(flushAt)
}

// spill compresses what was gathered once it exceeds the limit.
func (d *document) spill(limit int) error {
	if len(d.buf) < limit {
		return nil
	}
	d.meter.Rows.Add(d.rows - d.flushed)
	d.flushed = d.rows
	_, err := d.builder.Write(d.buf)
	d.buf = d.buf[:0]
	return err
}

// close ends the document. The caller releases the segment.
func (d *document) close() (*archive.Segment, error) {
	d.end()
	if d.lists > 0 {
		d.buf = append(d.buf, '}')
	}
	if err := d.spill(0); err != nil {
		return nil, err
	}
	return d.builder.Finish()
}

// discard frees what an unfinished document holds.
func (d *document) discard() { d.builder.Discard() }

// appendIDList appends a bare list of integers.
func appendIDList(dst []byte, ids []int64) []byte {
	dst = append(dst, '[')
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, id, 10)
	}
	return append(dst, ']')
}
