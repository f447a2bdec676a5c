package importer

import (
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxValue is how long one row may be, and everything else that is held whole.
	maxValue = 64 << 20
	// maxName bounds the names in objects, maxNames their number in one object.
	maxName  = 255
	maxNames = 1 << 12
	// maxDepth bounds the nesting of what a row holds; a server's own rows have a handful of levels.
	maxDepth = 100
)

var errTooLong = errors.New("a single value is too long")

// bounded is what a decoder reads from. It keeps the decoder, which has to hold a whole value, from reading on and on for one.
type bounded struct {
	r       io.Reader
	read    int64
	allowed int64
	err     error // the first one, but for the end
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.read >= b.allowed {
		b.err = errTooLong
		return 0, b.err
	}
	n, err := b.r.Read(p)
	b.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// jsonReader reads a JSON file value by value. Its errors are faults, or those of the archive below.
type jsonReader struct {
	dec     *jsontext.Decoder
	in      *bounded
	longest int64 // value
}

func newJSON(r io.Reader, longest int64) *jsonReader {
	in := &bounded{r: r}
	return &jsonReader{dec: jsontext.NewDecoder(in), in: in, longest: longest}
}

// allow lets the decoder read one more value.
func (j *jsonReader) allow() { j.in.allowed = j.dec.InputOffset() + j.longest }

// kind tells what the next value is.
func (j *jsonReader) kind() jsontext.Kind {
	j.allow()
	return j.dec.PeekKind()
}

// value reads the next value or name whole. It is valid until the next call.
func (j *jsonReader) value() (jsontext.Value, error) {
	j.allow()
	v, err := j.dec.ReadValue()
	return v, j.explain(err)
}

// skip reads over the next value, however long.
func (j *jsonReader) skip() error {
	if k := j.kind(); k == jsontext.KindBeginArray {
		return j.array(j.skip)
	}
	_, err := j.value()
	return err
}

// token reads a brace or bracket.
func (j *jsonReader) token() error {
	j.allow()
	_, err := j.dec.ReadToken()
	return j.explain(err)
}

// open reads the beginning of an object or array.
func (j *jsonReader) open(kind jsontext.Kind, what string) error {
	if k := j.kind(); k != kind && k != jsontext.KindInvalid {
		return faultf("it is %s where %s should be", article(k), what)
	}
	return j.token()
}

// object reads the next value, which must be an object, and calls fn for each name. fn reads the name's value.
func (j *jsonReader) object(fn func(name string) error) error {
	if err := j.open(jsontext.KindBeginObject, "an object"); err != nil {
		return err
	}
	for n := 0; j.kind() != jsontext.KindEndObject; n++ {
		name, err := j.name(n)
		if err != nil {
			return err
		}
		if err := fn(name); err != nil {
			return err
		}
	}
	return j.token()
}

// name reads the n-th name of an object.
func (j *jsonReader) name(n int) (string, error) {
	v, err := j.value()
	if err != nil {
		return "", err
	}
	if len(v) > maxName || n >= maxNames {
		return "", faultf("an object has too many names, or too long a one (%s)", quoted(string(v[:min(len(v), maxName)])))
	}
	return unquote(v), nil
}

// array reads the next value, which must be an array, and calls fn for each element. fn reads it.
func (j *jsonReader) array(fn func() error) error {
	if err := j.open(jsontext.KindBeginArray, "an array"); err != nil {
		return err
	}
	for j.kind() != jsontext.KindEndArray {
		if err := fn(); err != nil {
			return err
		}
	}
	return j.token()
}

// end reads what follows the value of the file: nothing.
func (j *jsonReader) end() error {
	if j.kind() != jsontext.KindInvalid {
		return fault("it holds more than one JSON value")
	}
	_, err := j.dec.ReadToken()
	if errors.Is(err, io.EOF) && j.in.err == nil {
		return nil
	}
	return j.explain(err)
}

// explain makes a fault of an error of the decoder. What ended the archive itself is returned as it is.
func (j *jsonReader) explain(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case err == nil:
		return nil
	case errors.Is(j.in.err, errTooLong):
		return faultf("a single value is longer than %d MiB (near byte %d)", j.longest>>20, j.dec.InputOffset())
	case j.in.err != nil:
		return j.in.err
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
		return faultf("an object has the name %s twice (near byte %d)", quoted(syntax.JSONPointer.LastToken()), syntax.ByteOffset)
	case errors.As(err, &syntax):
		return faultf("it is not valid JSON at byte %d: %s", syntax.ByteOffset, quoted(syntax.Err.Error()))
	}
	return faultf("it is not valid JSON: it ends at byte %d", j.in.read)
}

// unquote returns a JSON string's text; the string is known to be valid.
func unquote(v jsontext.Value) string {
	b, _ := jsontext.AppendUnquote(nil, v)
	return string(b)
}

// article names a kind of value.
func article(k jsontext.Kind) string {
	switch k {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "a boolean"
	case jsontext.KindString:
		return "a text"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "an array"
	}
	return "something else"
}
