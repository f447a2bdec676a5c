package verify

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxValue is how long one row may be, and everything else that is read whole.
	maxValue = 64 << 20
	// maxName bounds the names in the outer objects of a file, maxNames their number.
	maxName  = 255
	maxNames = 1 << 21
)

var errTooLong = errors.New("a single value is too long")

// shapeError is valid JSON of the wrong shape.
type shapeError string

func (e shapeError) Error() string { return string(e) }

// bounded is what a decoder reads from. It keeps the decoder, which has to hold
// a whole value, from reading on and on for one.
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

// jsonReader reads a JSON file value by value.
type jsonReader struct {
	dec     *jsontext.Decoder
	in      *bounded
	longest int64 // value
}

func (c *check) newJSON(r io.Reader) *jsonReader {
	in := &bounded{r: r}
	return &jsonReader{dec: jsontext.NewDecoder(in), in: in, longest: c.longest}
}

// allow lets the decoder read one more value.
func (j *jsonReader) allow() { j.in.allowed = j.dec.InputOffset() + j.longest }

// kind tells what the next value is.
func (j *jsonReader) kind() jsontext.Kind {
	j.allow()
	return j.dec.PeekKind()
}

// value reads the next value whole. It is valid until the next call.
func (j *jsonReader) value() (jsontext.Value, error) {
	j.allow()
	return j.dec.ReadValue()
}

// open reads the beginning of an object or array.
func (j *jsonReader) open(kind jsontext.Kind, what string) error {
	if k := j.kind(); k != kind && k != jsontext.KindInvalid {
		return shapeError("holds " + article(k) + " where it should hold " + what)
	}
	_, err := j.dec.ReadToken()
	return err
}

// object reads the next value, which must be an object, and calls fn for each name.
// fn reads the name's value.
func (j *jsonReader) object(fn func(name string) error) error {
	if err := j.open(jsontext.KindBeginObject, "an object"); err != nil {
		return err
	}
	for n := 0; j.kind() != jsontext.KindEndObject; n++ {
		tok, err := j.dec.ReadToken()
		if err != nil {
			return err
		}
		name := tok.String()
		if len(name) > maxName || n >= maxNames {
			return shapeError(fmt.Sprintf("holds an object with too many names, or too long a one (%s)", quoted(name)))
		}
		if err := fn(name); err != nil {
			return err
		}
	}
	_, err := j.dec.ReadToken()
	return err
}

// array reads the next value, which must be an array, and calls fn for each element, valid during the call.
func (j *jsonReader) array(fn func(jsontext.Value) error) error {
	if err := j.open(jsontext.KindBeginArray, "an array"); err != nil {
		return err
	}
	for j.kind() != jsontext.KindEndArray {
		v, err := j.value()
		if err != nil {
			return err
		}
		if err := fn(v); err != nil {
			return err
		}
	}
	_, err := j.dec.ReadToken()
	return err
}

// end reads what follows the value of the file: nothing.
func (j *jsonReader) end() error {
	switch j.kind() {
	case jsontext.KindInvalid:
		_, err := j.dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	default:
		return shapeError("holds more than one JSON value")
	}
}

// fault says what is wrong with the file after err; "" when the archive itself failed, which is
// told once and elsewhere.
func (j *jsonReader) fault(err error) string {
	var syntax *jsontext.SyntacticError
	var shape shapeError
	switch {
	case errors.Is(j.in.err, errTooLong):
		return fmt.Sprintf("a single value is longer than %d MiB (near byte %d); it was not read further", j.longest>>20, j.dec.InputOffset())
	case j.in.err != nil:
		return ""
	case errors.As(err, &shape):
		return fmt.Sprintf("%s (near byte %d); it was not read further", shape, j.dec.InputOffset())
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
		return fmt.Sprintf("an object has the name %s twice (near byte %d); it was not read further",
			quoted(syntax.JSONPointer.LastToken()), syntax.ByteOffset)
	case errors.As(err, &syntax):
		return fmt.Sprintf("is not valid JSON at byte %d: %s; it was not read further", syntax.ByteOffset, cut(syntax.Err.Error(), maxQuoted))
	}
	return fmt.Sprintf("is not valid JSON: it ends at byte %d; it was not read further", j.in.read)
}

// article names a kind of value.
func article(k jsontext.Kind) string {
	switch k {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "a boolean"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "an array"
	}
	return "something else"
}
