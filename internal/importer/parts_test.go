package importer_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// parts is an archive to be changed and packed again.
type parts struct {
	tb    testing.TB
	files files
	root  string
	first []tar.Header // members before all others, without a body but for their Size in zeros
	last  []tar.Header
}

// pack makes the archive.
func (p *parts) pack() []byte {
	p.tb.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	w := tar.NewWriter(zw)
	add := func(h tar.Header, body []byte) {
		if err := w.WriteHeader(&h); err != nil {
			p.tb.Fatal(err)
		}
		if _, err := w.Write(body); err != nil {
			p.tb.Fatal(err)
		}
	}
	for _, h := range p.first {
		add(h, make([]byte, h.Size))
	}
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		add(tar.Header{Name: p.root + name, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(p.files[name]))}, p.files[name])
	}
	for _, h := range p.last {
		add(h, make([]byte, h.Size))
	}
	for _, c := range []interface{ Close() error }{w, zw} {
		if err := c.Close(); err != nil {
			p.tb.Fatal(err)
		}
	}
	return b.Bytes()
}

// tables changes a JSON file that is an object.
func (p *parts) tables(name string, change func(tables object)) {
	p.tb.Helper()
	content := decode(p.tb, p.files[name]).(object)
	change(content)
	text, err := json.Marshal(content)
	if err != nil {
		p.tb.Fatal(err)
	}
	p.files[name] = text
}

// rows changes the rows of a list.
func (p *parts) rows(name, list string, change func(rows []any) []any) {
	p.tb.Helper()
	p.tables(name, func(tables object) { tables[list] = change(tables[list].([]any)) })
}

// set changes a value of the first row of a list.
func (p *parts) set(name, list, key string, value any) {
	p.tb.Helper()
	p.rows(name, list, func(rows []any) []any {
		rows[0].(object)[key] = value
		return rows
	})
}

// record changes the first entry of a list of files.
func (p *parts) record(folder, key string, value any) {
	p.tb.Helper()
	name := folder + "/records.json"
	p.entries(name, func(rows []any) []any {
		rows[0].(object)[key] = value
		return rows
	})
}

// entries changes a JSON file that is an array.
func (p *parts) entries(name string, change func(rows []any) []any) {
	p.tb.Helper()
	text, err := json.Marshal(change(decode(p.tb, p.files[name]).([]any)))
	if err != nil {
		p.tb.Fatal(err)
	}
	p.files[name] = text
}

// replace changes the text of a file.
func (p *parts) replace(name, from, to string) {
	p.tb.Helper()
	text := strings.Replace(string(p.files[name]), from, to, 1)
	if text == string(p.files[name]) {
		p.tb.Fatalf("%s has no %s", name, from)
	}
	p.files[name] = []byte(text)
}
