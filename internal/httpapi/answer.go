package httpapi

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/realmport/realmport"
)

// Codes of refusals (api.md §3.2).
const (
	codeBadRequest = "BAD_REQUEST"
	codePrincipal  = "UNAUTHORIZED_PRINCIPAL"
)

// field is a key of an answer.
type field struct {
	key   string
	value any
}

// failure is a refusal as it is answered.
type failure struct {
	status  int
	code    string // "" for none
	message string
	extra   []field // before the code
	after   []field // after it
}

func (f *failure) Error() string { return f.message }

// refuse turns an error into what is answered; what is not for the user's eyes becomes an internal error. known tells which.
func (c *call) refuse(err error) (f *failure, known bool) {
	if errors.As(err, &f) {
		return f, true
	}
	var e *realmport.Error
	if errors.As(err, &e) && e.Err == nil { // what has a cause is a fault somewhere, not a refusal
		f = &failure{status: http.StatusBadRequest, code: codeBadRequest, message: e.Message}
		switch e.Code {
		case realmport.NotAllowed:
			f.code = codePrincipal
		case realmport.NotFound:
			if c.extension() {
				f.status, f.code = http.StatusNotFound, "NOT_FOUND"
			}
		case realmport.Invalid, realmport.Conflict:
		default:
			return internalError, false
		}
		if len(e.Details) > 0 && !c.api.o.PlainRefusals {
			f.extra = []field{{"details", e.Details}}
		}
		return f, true
	}
	return internalError, false
}

var internalError = &failure{status: http.StatusInternalServerError, message: "Internal server error"}

// appendJSON appends a value as compact JSON, with as little escaping as JSON allows.
func appendJSON(dst []byte, v any) []byte {
	b := bytes.NewBuffer(dst)
	err := json.MarshalWrite(b, v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(err) // a type that cannot be JSON is a broken program
	}
	return b.Bytes()
}

// jsonObject is an object with these keys.
func jsonObject(fields ...field) []byte {
	dst := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendJSON(dst, f.key), ':')
		dst = appendJSON(dst, f.value)
	}
	return append(dst, '}')
}

// succeed answers with the envelope of success and these keys.
func (c *call) succeed(fields ...field) error {
	all := append([]field{{"result", "success"}, {"msg", ""}}, fields...)
	c.noCache()
	c.write(http.StatusOK, "application/json", append(jsonObject(all...), '\n'))
	return nil
}

// fail answers with the envelope of an error. Failures that are realmport's own fault are logged.
func (c *call) fail(err error) {
	f, known := c.refuse(err)
	if !known {
		if c.ctx().Err() != nil {
			panic(http.ErrAbortHandler) // the client has gone, or half of it: an empty answer would look like success
		}
		c.api.o.Log.Error("request failed", "method", c.r.Method, "route", c.route.name, "error", err.Error())
	}
	fields := append([]field{{"result", "error"}, {"msg", f.message}}, f.extra...)
	if f.code != "" {
		fields = append(fields, field{"code", f.code})
	}
	if f.status == http.StatusUnauthorized {
		c.w.Header()["WWW-Authenticate"] = []string{`Basic realm="zulip"`}
	}
	c.write(f.status, "application/json", append(jsonObject(append(fields, f.after...)...), '\n'))
}

// gzipFrom is the size from which on a JSON body is compressed if the client accepts that.
const gzipFrom = 1024

// write answers with a body; to HEAD without it, but with its length.
func (c *call) write(status int, contentType string, body []byte) {
	h := c.w.Header()
	if contentType == "application/json" && len(body) >= gzipFrom {
		h.Add("Vary", "Accept-Encoding")
		if acceptsGzip(c.r.Header.Values("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			body = gzipped(body)
		}
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.extendWriting()
	c.w.WriteHeader(status)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(body) // a client that has gone gets nothing
	}
}

func gzipped(body []byte) []byte {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	_, _ = zw.Write(body) // to memory: cannot fail
	_ = zw.Close()
	return b.Bytes()
}

// acceptsGzip reads Accept-Encoding.
func acceptsGzip(values []string) bool {
	for _, item := range acceptItems(strings.Join(values, ",")) {
		if item.name == "gzip" || item.name == "*" {
			return item.q > 0
		}
	}
	return false
}

// acceptItem is one of the choices that a header Accept or Accept-Encoding offers.
type acceptItem struct {
	name string
	q    float64
}

// acceptItems reads the choices of such a header. What cannot be read counts as not wanted.
func acceptItems(header string) []acceptItem {
	var list []acceptItem
	for item := range strings.SplitSeq(header, ",") {
		name, attributes, _ := strings.Cut(item, ";")
		a := acceptItem{name: strings.ToLower(strings.TrimSpace(name)), q: 1}
		for attribute := range strings.SplitSeq(attributes, ";") {
			if v, ok := strings.CutPrefix(strings.TrimSpace(attribute), "q="); ok {
				a.q, _ = strconv.ParseFloat(v, 64)
			}
		}
		if a.name != "" {
			list = append(list, a)
		}
	}
	return list
}

// prefersHTML tells whether a browser asks: text/html is a better match of Accept than JSON (api.md §3.2).
func prefersHTML(r *http.Request) bool {
	items := acceptItems(strings.Join(r.Header.Values("Accept"), ","))
	quality := func(kind, exact string) float64 {
		q, best := 0.0, -1
		for _, item := range items {
			for rank, pattern := range []string{"*/*", kind + "/*", exact} {
				if item.name == pattern && rank > best {
					q, best = item.q, rank
				}
			}
		}
		return q
	}
	return quality("text", "text/html") > quality("application", "application/json")
}
