package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
)

// TestAcceptance runs every row of api.md §7, on each kind of database, over a socket.
func TestAcceptance(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			if testing.Short() && k.name == "PostgreSQL" {
				t.Skip("long, and the service goes the same ways")
			}
			t.Parallel()
			for i, row := range acceptance() {
				t.Run(fmt.Sprint("row ", i+1), func(t *testing.T) {
					t.Parallel()
					row(t, newWorld(t, k, nil))
				})
			}
		})
	}
}

// acceptance are the rows of api.md §7, in order.
func acceptance() []func(*testing.T, *world) {
	return append(append(append(parsingRows(), limitRows()...), listRows()...), loginRows()...)
}

// What the rows of the list say of each other.
const (
	notListed  = "Invalid export_type: Value error, Not in the list of possible values"
	notInteger = "export_type is not an integer"
	notJSON    = "export_type is not valid JSON"
	tooOften   = "Exceeded rate limit."
	tooLarge   = "Please request a manual export from zulip-admin@example.com."
)

// created expects the first export, of that type.
func created(r request, want realmport.ExportType) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		r.method, r.as = http.MethodPost, adminI
		if r.target == "" {
			r.target = basePath
		}
		w.do(r).want(t, http.StatusOK, ok(1)).wantHeader(t, "Content-Type", "application/json", "Content-Length", "37")
		e := w.export(1)
		if e.Type != want || e.Status != realmport.Requested || e.ActingUser != adminI || e.RealmID != acmeRealm {
			t.Errorf("got the row %+v, want type %d", e, want)
		}
	}
}

// refusals expects the same refusal of several forms, and no export.
func refusals(message string, forms ...string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		for _, form := range forms {
			r := request{method: http.MethodPost, target: basePath, as: adminI, form: form}
			if query, body, ok := strings.Cut(form, "|"); ok {
				r.target, r.form = basePath+"?"+query, body
			}
			w.do(r).wantRefused(t, message)
		}
		w.wantRows(t, 0)
	}
}

func (w *world) wantRows(t *testing.T, want int) {
	t.Helper()
	if got := w.count("SELECT count(*) FROM @zerver_realmexport"); got != want {
		t.Errorf("got %d exports, want %d", got, want)
	}
}

// ignoring expects an export whose answer names parameters that were ignored.
func ignoring(query, form, names string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		w.do(request{method: http.MethodPost, target: basePath + query, as: adminI, form: form}).
			want(t, http.StatusOK, `{"result":"success","msg":"","id":1,"ignored_parameters_unsupported":[`+names+`]}`)
	}
}

const multipartForm = "--b\r\nContent-Disposition: form-data; name=\"export_type\"\r\n\r\n2\r\n--b--\r\n"

func parsingRows() []func(*testing.T, *world) {
	return []func(*testing.T, *world){
		created(request{}, realmport.Public),
		created(request{form: "export_type=2"}, realmport.Standard),
		created(request{form: "export_type=1"}, realmport.Public),
		refusals(notListed, "export_type=3"),
		refusals(notListed, "export_type=0", "export_type=-1"),
		refusals(notInteger, `export_type="1"`),
		refusals(notInteger, "export_type=1.0", "export_type=true", "export_type=null", "export_type=[1]"),
		refusals(notJSON, "export_type=abc", "export_type=public", "export_type=full_with_consent"),
		refusals(notJSON, "export_type=", "export_type"),
		refusals(notJSON, "export_type=01"),
		created(request{form: "export_type=%201%20"}, realmport.Public),
		created(request{form: "export_type=1&export_type=2"}, realmport.Standard),
		refusals(notJSON, "export_type=2&export_type=abc"),
		created(request{target: basePath + "?export_type=2"}, realmport.Standard),
		refusals(notJSON, "export_type=2|export_type=abc"),
		created(request{body: `{"export_type":2}`, header: []string{"Content-Type: application/json"}}, realmport.Public),
		created(request{body: multipartForm, header: []string{"Content-Type: multipart/form-data; boundary=b"}}, realmport.Standard),
		ignoring("", "foo=1&export_type=2&bar=2", `"bar","foo"`),
		ignoring("", "dont_block=true", `"dont_block"`),
		ignoring("?zz=1", "client=x&api_key=k", `"api_key","zz"`),
		func(t *testing.T, w *world) { // 21
			w.post(adminI, "method=GET").want(t, http.StatusOK, `{"result":"success","msg":"","exports":[]}`)
			w.wantRows(t, 0)
		},
		func(t *testing.T, w *world) { // 22
			w.post(adminI, "method=DELETE").want(t, http.StatusMethodNotAllowed, notAllowedBody)
		},
	}
}

// fill makes five exports of that status, the oldest of which was requested that long ago.
func (w *world) fill(status realmport.ExportStatus, ago time.Duration) {
	w.row(acmeRealm, status, adminI, now.Add(-ago))
	for range 4 {
		w.row(acmeRealm, status, adminI, now.Add(-time.Hour))
	}
}

func limitRows() []func(*testing.T, *world) {
	const week = 7 * 24 * time.Hour
	const noEmail = "Make sure at least one Organization Owner allows other Administrators to see their email address or contact zulip-admin@example.com for help"
	const noConsent = "Make sure at least one Organization Owner is consenting to the export or contact zulip-admin@example.com for help."
	return []func(*testing.T, *world){
		func(t *testing.T, w *world) { // 23
			for i := range 5 {
				w.post(adminI, "").want(t, http.StatusOK, ok(i+1))
			}
			r := w.post(adminI, "")
			r.wantRefused(t, tooOften)
			r.wantHeader(t, "Retry-After", "")
		},
		func(t *testing.T, w *world) { // 24
			w.fill(realmport.Failed, week)
			w.exec("UPDATE @zerver_realmexport SET status = 5 WHERE id = 1")
			w.post(adminI, "").wantRefused(t, tooOften)
		},
		func(t *testing.T, w *world) { // 25
			w.fill(realmport.Requested, week+time.Second)
			w.post(adminI, "").want(t, http.StatusOK, ok(6))
		},
		func(t *testing.T, w *world) { // 26
			w.fill(realmport.Requested, week)
			w.post(adminI, "export_type=abc").wantRefused(t, notJSON)
		},
		func(t *testing.T, w *world) { // 27
			w.usage(250_000, 0)
			w.post(adminI, "").want(t, http.StatusOK, ok(1))
		},
		func(t *testing.T, w *world) { // 28
			w.usage(250_001, 0)
			w.post(adminI, "").wantRefused(t, tooLarge)
		},
		func(t *testing.T, w *world) { // 29
			w.usage(0, 20<<30)
			w.post(adminI, "").want(t, http.StatusOK, ok(1))
		},
		func(t *testing.T, w *world) { // 30
			w.usage(0, 21<<30)
			w.post(adminI, "").wantRefused(t, tooLarge)
		},
		func(t *testing.T, w *world) { // 31
			w.usage(0, 21<<30)
			w.set(ownerO, "email_address_visibility", 4)
			w.post(adminI, "").wantRefused(t, tooLarge)
		},
		func(t *testing.T, w *world) { // 32
			w.set(ownerO, "email_address_visibility", 4)
			w.post(adminI, "").wantRefused(t, noEmail)
		},
		func(t *testing.T, w *world) { // 33
			w.set(ownerO, "email_address_visibility", 4)
			w.post(adminI, "export_type=2").want(t, http.StatusOK, ok(1))
		},
		func(t *testing.T, w *world) { // 34
			w.set(ownerO, "allow_private_data_export", false)
			w.post(adminI, "export_type=2").wantRefused(t, noConsent)
		},
		func(t *testing.T, w *world) { // 35
			w.set(ownerO, "allow_private_data_export", false)
			w.post(adminI, "").want(t, http.StatusOK, ok(1))
		},
		func(t *testing.T, w *world) { // 36
			for _, user := range []int64{memberM, guestG, genericB, moderator} {
				w.post(user, "").wantNoAdmin(t)
			}
			w.wantRows(t, 0)
		},
		func(t *testing.T, w *world) { w.post(memberM, "export_type=abc").wantNoAdmin(t) }, // 37
		func(t *testing.T, w *world) { // 38
			w.post(adminAB, "").want(t, http.StatusOK, ok(1))
			if got := w.export(1).ActingUser; got != adminAB {
				t.Errorf("got acting user %d, want %d", got, adminAB)
			}
		},
	}
}

const notAllowedBody = `{"result":"error","msg":"Method Not Allowed","allowed_methods":["POST","GET","HEAD"]}`
