package httpapi

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"slices"
	"strings"
)

// maxFields is how many fields a form or a query may have.
const maxFields = 1000

// errBadRequest says that a form cannot be read; the answer is a page, not an envelope.
var errBadRequest = errors.New("the request's form cannot be read")

// params are the parameters of a request, by name: of several with the same name the last one (api.md §1.2).
type params struct {
	form, query map[string]string
}

// get returns the raw text of a parameter: of the form if that has it, else of the query.
func (p *params) get(name string) (string, bool) {
	if v, ok := p.form[name]; ok {
		return v, true
	}
	v, ok := p.query[name]
	return v, ok
}

// others returns the names of the parameters that are not among the supported ones, sorted. The name client is always known.
func (p *params) others(supported ...string) []string {
	list := slices.Collect(maps.Keys(p.form))
	list = slices.AppendSeq(list, maps.Keys(p.query))
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(name string) bool {
		return name == "client" || slices.Contains(supported, name)
	})
}

// parseQuery reads the form application/x-www-form-urlencoded, as forgiving as the reference.
func parseQuery(s string) (map[string]string, error) {
	if s == "" {
		return nil, nil
	}
	if strings.Count(s, "&")+1 > maxFields {
		return nil, errBadRequest
	}
	fields := map[string]string{}
	for pair := range strings.SplitSeq(s, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		fields[unescape(name)] = unescape(value)
	}
	return fields, nil
}

// unescape decodes percent signs and plus signs. What is not a hexadecimal number stays as it is; bytes that are no UTF-8
// become U+FFFD.
func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			out = append(out, ' ')
		case s[i] == '%' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0:
			out = append(out, byte(hexDigit(s[i+1])<<4|hexDigit(s[i+2])))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

// hexDigit returns the value of a hexadecimal digit, -1 for anything else.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	default:
		return -1
	}
}

// parseForm reads a form from a body of that Content-Type; of another type a body has no fields.
func parseForm(contentType string, body []byte) (map[string]string, error) {
	media, attributes, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return nil, nil //nolint:nilerr // what cannot be named is no form
	}
	switch media {
	case "application/x-www-form-urlencoded":
		return parseQuery(string(body))
	case "multipart/form-data":
		if attributes["boundary"] == "" {
			return nil, errBadRequest
		}
		if len(body) == 0 {
			return nil, nil
		}
		return parseMultipart(body, attributes["boundary"])
	default:
		return nil, nil
	}
}

// parseMultipart reads the fields of a multipart form. Files are not kept.
func parseMultipart(body []byte, boundary string) (map[string]string, error) {
	fields := map[string]string{}
	count := 0
	for r := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		part, err := r.NextPart()
		if err == io.EOF { //nolint:errorlint // a wrapped one says that the last boundary is missing
			return fields, nil
		}
		if err != nil {
			return nil, errBadRequest
		}
		_, attributes, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		if _, file := attributes["filename"]; file || part.FormName() == "" {
			continue
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, errBadRequest
		}
		if count++; count > maxFields {
			return nil, errBadRequest
		}
		fields[strings.ToValidUTF8(part.FormName(), "\uFFFD")] = strings.ToValidUTF8(string(text), "\uFFFD")
	}
}
