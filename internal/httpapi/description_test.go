package httpapi

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// description is openapi.yaml with what the tests have seen of it.
type description struct {
	root map[string]any
	mu   sync.Mutex
	seen map[string]bool // +checklocks:mu // operations' answers, and properties of schemas
}

// described is held to every answer that the tests get: client_test.go calls check.
var described = sync.OnceValue(func() *description {
	text, err := openAPIAsJSON()
	if err != nil {
		panic(err)
	}
	d := &description{seen: map[string]bool{}}
	if err := json.Unmarshal(text, &d.root); err != nil {
		panic(err)
	}
	return d
})

// TestMain fails if, after all tests, openapi.yaml describes an answer or a key that no test has seen.
func TestMain(m *testing.M) {
	code := m.Run()
	partial := false
	flag.Visit(func(f *flag.Flag) {
		partial = partial || slices.Contains([]string{"test.run", "test.skip", "test.list", "test.bench", "test.fuzz"}, f.Name) && f.Value.String() != ""
	})
	if code == 0 && !partial {
		for _, what := range described().unseen() {
			fmt.Fprintln(os.Stderr, "openapi.yaml describes what no test has seen:", what)
			code = 1
		}
	}
	os.Exit(code)
}

// at follows keys from the root.
func (d *description) at(keys ...string) any {
	var v any = d.root
	for _, key := range keys {
		v = d.resolve(v)[key]
	}
	return v
}

// resolve follows references; beside one, other keys are notes.
func (d *description) resolve(v any) map[string]any {
	m, _ := v.(map[string]any)
	if ref, ok := m["$ref"].(string); ok {
		return d.resolve(d.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...))
	}
	return m
}

func (d *description) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[what] = true
}

// check returns what is wrong with an answer by the description; "" if nothing is.
func (d *description) check(route, method string, r response) string {
	operations := d.resolve(d.at("paths", route))
	if operations == nil {
		if r.status == 404 || r.status == 400 || r.status == 413 {
			return "" // of no path at all
		}
		return "the path is not described"
	}
	method = strings.ToLower(method)
	operation := d.resolve(operations[method])
	if operation == nil {
		if r.status == 405 && r.header.Get("Allow") != "" {
			return ""
		}
		return "the method is not described"
	}
	status := fmt.Sprint(r.status)
	answer := d.resolve(d.resolve(operation["responses"])[status])
	if answer == nil {
		return "the status is not described"
	}
	d.note(fmt.Sprintf("%s %s %s", method, route, status))
	for name := range d.resolve(answer["headers"]) {
		if r.header.Get(name) == "" {
			return "the header " + name + " is missing"
		}
	}
	if r.body == "" || method == "head" {
		return ""
	}
	return d.checkBody(d.resolve(answer["content"]), r)
}

func (d *description) checkBody(content map[string]any, r response) string {
	kind, _, _ := strings.Cut(r.header.Get("Content-Type"), "; boundary=")
	media, ok := content[kind]
	if !ok {
		return "the content type " + kind + " is not described"
	}
	schema, ok := d.resolve(media)["schema"]
	if !ok {
		return ""
	}
	var v any
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		return err.Error()
	}
	seen := map[string]bool{}
	if problem := d.valid(schema, v, "", seen); problem != "" {
		return problem
	}
	for what := range seen {
		d.note(what)
	}
	return ""
}

// unseen lists the answers and the properties of answers' schemas that no test has seen.
func (d *description) unseen() []string {
	var all []string
	for route, item := range d.resolve(d.at("paths")) {
		for method, operation := range d.resolve(item) {
			for status := range d.resolve(d.resolve(operation)["responses"]) {
				all = append(all, fmt.Sprintf("%s %s %s", method, route, status))
			}
		}
	}
	for name, schema := range d.resolve(d.at("components", "schemas")) {
		all = d.properties(all, schema, "#/components/schemas/"+name)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(slices.Values(all)), func(what string) bool { return d.seen[what] })
}

// properties adds the properties of a schema, and of those within it.
func (d *description) properties(all []string, schema any, where string) []string {
	m, _ := schema.(map[string]any)
	properties, _ := m["properties"].(map[string]any)
	for key, property := range properties {
		all = append(all, where+"/properties/"+key)
		all = d.properties(all, property, where+"/properties/"+key)
	}
	if items, ok := m["items"]; ok {
		all = d.properties(all, items, where+"/items")
	}
	return all
}

// TestDescriptionIsServed checks that both forms are, and that every path that is served is described.
func TestDescriptionIsServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	r := w.do(request{target: "/realmport/v1/openapi.yaml"})
	if r.status != 200 || r.body != string(openAPI) {
		t.Errorf("got %d with %d bytes, want the description", r.status, len(r.body))
	}
	r = w.do(request{target: "/realmport/v1/openapi.json"})
	if r.status != 200 || !json.Valid([]byte(r.body)) {
		t.Errorf("got %d %.100q, want JSON", r.status, r.body)
	}
	for _, route := range routes(true) {
		item := described().resolve(described().at("paths", route.name))
		for _, method := range route.methods {
			head := method == "HEAD" && item["get"] != nil
			if item[strings.ToLower(method)] == nil && !head {
				t.Errorf("%s %s is not described", method, route.name)
			}
		}
	}
}

// TestIdsAreNumbers checks what is described of addresses whose id is none.
func TestIdsAreNumbers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	for route, item := range described().resolve(described().at("paths")) {
		if !strings.Contains(route, "{id}") {
			continue
		}
		for method, operation := range described().resolve(item) {
			if method == "parameters" {
				continue
			}
			r := w.do(request{method: strings.ToUpper(method), target: strings.ReplaceAll(route, "{id}", "-1"), as: ownerO})
			answer := described().resolve(described().resolve(described().resolve(operation)["responses"])["404"])
			problem := ""
			if method != "head" {
				problem = described().checkBody(described().resolve(answer["content"]), r)
			}
			if r.status != 404 || problem != "" {
				t.Errorf("%s %s: got %d, %s", method, route, r.status, problem)
			}
			described().note(method + " " + route + " 404")
		}
	}
}
