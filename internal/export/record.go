package export

import (
	"strconv"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/encode"
)

// record is an object of a records.json in the making.
type record []byte

func (r record) key(name string) record {
	open := byte(',')
	if len(r) == 0 {
		open = '{'
	}
	return append(encode.AppendString(append(r, open), []byte(name)), ':')
}

func (r record) int(key string, v int64) record { return strconv.AppendInt(r.key(key), v, 10) }
func (r record) text(key, v string) record      { return encode.AppendString(r.key(key), []byte(v)) }
func (r record) bool(key string, v bool) record { return strconv.AppendBool(r.key(key), v) }
func (r record) null(key string) record         { return append(r.key(key), "null"...) }
func (r record) close() []byte                  { return append(r, '}') }

// stat adds what the local backend tells of a file (format.md §1.5).
func (r record) stat(f *realmport.File) record {
	modified := float64(f.Modified.Unix()) + 1e-9*float64(f.Modified.Nanosecond())
	r = encode.AppendFloat(r.int("size", f.Size).key("last_modified"), modified)
	return r.null("content_type")
}
