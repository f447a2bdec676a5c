package importer

import (
	"bytes"
	"context"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/realmport/realmport"
)

// decodeRow reads the keys and values of a row.
func (r *run) decodeRow(ctx context.Context, w *row, j *jsonReader) error {
	if err := j.open(jsontext.KindBeginObject, "an object"); err != nil {
		return err
	}
	start := j.dec.InputOffset()
	for n := 0; j.kind() != jsontext.KindEndObject; n++ {
		raw, err := j.value()
		if err != nil {
			return err
		}
		if n >= maxNames || j.dec.InputOffset()-start > r.longest {
			return fault("the row is too large")
		}
		i, err := w.find(n, raw)
		if err != nil {
			return err
		}
		v, err := j.value()
		if err != nil {
			return err
		}
		if err := r.take(ctx, w, i, v); err != nil {
			return faultIn(w.fields[i].key, err)
		}
	}
	if !w.has[w.id] || w.values[w.id] == nil {
		return faultf("the row has no %s", w.key(w.columns[w.id].Column))
	}
	return j.token()
}

// faultIn says which key a fault is about.
func faultIn(key string, err error) error {
	var f fault
	if errors.As(err, &f) {
		return faultf("key %s: %s", printable(key), f)
	}
	return err
}

// take puts the value of a field into the row.
func (r *run) take(ctx context.Context, w *row, i int, v jsontext.Value) error {
	f := &w.fields[i]
	switch {
	case f.link >= 0:
		return w.takeLink(f.link, v)
	case f.unknown && v.Kind() != jsontext.KindNull:
		column, err := r.columnFor(ctx, w.table, f)
		if err != nil {
			return err
		}
		if column < 0 {
			f.lost++
			return nil
		}
		w.values, w.has = append(w.values, nil), append(w.has, false)
		f.column, f.unknown = column, false
	case f.column < 0:
		return nil
	}
	value, err := decode(w.columns[f.column].Kind, v)
	if err != nil {
		return err
	}
	if w.has[f.column] && w.values[f.column] != value { // ids are what has two keys
		return faultf("it is %v, and another key of the row says %v", value, w.values[f.column])
	}
	w.values[f.column], w.has[f.column] = value, true
	if f.column == w.id {
		return w.takeID(value)
	}
	return nil
}

// takeID notes the row's id.
func (w *row) takeID(value any) error {
	id, _ := value.(int64)
	if id <= 0 || id > w.space.most {
		return faultf("%v is no id that a server gives", value)
	}
	w.at.id = id
	return nil
}

// takeLink reads a list of ids.
func (w *row) takeLink(link int, v jsontext.Value) error {
	if v.Kind() != jsontext.KindBeginArray {
		return faultf("it is %s where a list of ids should be", article(v.Kind()))
	}
	d := newJSON(bytes.NewReader(v), int64(len(v))+1)
	return d.array(func() error {
		item, err := d.value()
		if err != nil {
			return err
		}
		if item.Kind() != jsontext.KindNumber {
			return faultf("it holds %s where ids should be", article(item.Kind()))
		}
		id, err := integer(item)
		w.links[link] = append(w.links[link], id)
		return err
	})
}

// columnFor gives a key that the shape does not have a column, -1 if that cannot be.
func (r *run) columnFor(ctx context.Context, t *table, f *field) (int, error) {
	adder, ok := r.Store.(ColumnAdder)
	if !ok || !columnName.MatchString(f.key) || t.column(f.key) >= 0 {
		return -1, nil
	}
	// As JSON any value is kept just as it is.
	if err := adder.AddColumn(ctx, t.Name, f.key, realmport.JSON); err != nil {
		return -1, err
	}
	t.columns = append(t.columns, column{added: true, Column: realmport.Column{
		Name: f.key, Kind: realmport.JSON, Nullable: true, Readable: true,
	}})
	t.names = append(t.names, f.key)
	r.warn("column %s of %s is of a Zulip version that realmport does not know: it is kept as it is", f.key, t.Name)
	return len(t.columns) - 1, nil
}
