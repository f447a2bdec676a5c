package httpapi

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
)

const noExports = `{"result":"success","msg":"","exports":[]}`

// object is an export on the wire; url and the two times are JSON.
func object(id int, by int64, at time.Time, url, deleted, failed string, pending bool, exportType int) string {
	return fmt.Sprintf(`{"id":%d,"export_time":%d,"acting_user_id":%d,"export_url":%s,"deleted_timestamp":%s,"failed_timestamp":%s,"pending":%t,"export_type":%d}`,
		id, at.Unix(), by, url, deleted, failed, pending, exportType)
}

func listOf(objects ...string) string {
	return `{"result":"success","msg":"","exports":[` + strings.Join(objects, ",") + `]}`
}

// wantURL finds the link of the only export in a list, and checks its form.
func wantURL(t *testing.T, body string) (url string) {
	t.Helper()
	m := regexp.MustCompile(`"export_url":"(https://acme\.example\.com/user_avatars/exports/2/[A-Za-z0-9_-]{24}/zulip-export-[a-z0-9_]{8}\.tar\.gz)"`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("got %s, want a link as documented", body)
	}
	return m[1]
}

// finished makes an export that succeeds, and returns the path of its archive.
func (w *world) finished(t *testing.T, form string) string {
	t.Helper()
	if r := w.post(adminI, form); r.status != http.StatusOK {
		t.Fatalf("got %d %s, want an export", r.status, r.body)
	}
	w.work(1, false)
	return strings.TrimPrefix(wantURL(t, w.get(adminI).body), "https://acme.example.com")
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func listRows() []func(*testing.T, *world) {
	return []func(*testing.T, *world){
		func(t *testing.T, w *world) { w.get(adminI).want(t, http.StatusOK, noExports) }, // 39
		func(t *testing.T, w *world) { // 40
			w.post(adminI, "").want(t, http.StatusOK, ok(1))
			w.exec("UPDATE @zerver_realmexport SET status = 2")
			w.get(adminI).want(t, http.StatusOK, listOf(object(1, adminI, now, "null", "null", "null", true, 1)))
		},
		func(t *testing.T, w *world) { // 41
			w.finished(t, "")
			body := w.get(adminI).body
			w.get(adminI).want(t, http.StatusOK, listOf(object(1, adminI, now, `"`+wantURL(t, body)+`"`, "null", "null", false, 1)))
		},
		func(t *testing.T, w *world) { // 42
			r := w.do(request{target: w.finished(t, "")})
			if r.status != http.StatusOK || int64(len(r.body)) != w.export(1).Size || !strings.HasPrefix(r.body, "\x1f\x8b") {
				t.Fatalf("got %d with %d bytes, want the archive", r.status, len(r.body))
			}
			r.wantHeader(t, "Content-Type", "application/octet-stream", "Content-Disposition", "", "Access-Control-Allow-Origin", "",
				"X-Content-Type-Options", "nosniff", "X-Frame-Options", "DENY", "Accept-Ranges", "bytes")
		},
		func(t *testing.T, w *world) { // 43
			w.post(adminI, "").want(t, http.StatusOK, ok(1))
			w.clock.Advance(90 * time.Second)
			w.work(1, true)
			w.get(adminI).want(t, http.StatusOK,
				listOf(object(1, adminI, now, "null", "null", unix(now.Add(90*time.Second)), false, 1)))
		},
		func(t *testing.T, w *world) { // 44
			w.do(request{target: basePath + "?foo=1&export_type=abc", as: adminI}).want(t, http.StatusOK, noExports)
		},
		func(t *testing.T, w *world) { // 45
			w.row(acmeRealm, realmport.Succeeded, nil, now)
			w.row(otherRealm, realmport.Succeeded, stranger, now)
			w.get(adminI).want(t, http.StatusOK, noExports)
		},
		func(t *testing.T, w *world) { w.get(memberM).wantNoAdmin(t) }, // 46
		func(t *testing.T, w *world) { // 47
			w.post(adminI, "")
			w.remove(adminI, "1").wantRefused(t, "Export still in progress")
			w.exec("UPDATE @zerver_realmexport SET status = 2")
			w.remove(adminI, "1").wantRefused(t, "Export still in progress")
		},
		func(t *testing.T, w *world) { // 48
			w.post(adminI, "")
			w.work(1, true)
			w.remove(adminI, "1").wantRefused(t, "Export failed, nothing to delete")
		},
		func(t *testing.T, w *world) { // 49
			path := w.finished(t, "")
			w.clock.Advance(time.Minute)
			w.remove(ownerO, "0001").want(t, http.StatusOK, done)
			w.do(request{target: path}).want(t, http.StatusNotFound, "<p>File not found</p>").wantHeader(t, "Content-Type", htmlType)
			w.get(adminI).want(t, http.StatusOK, listOf(object(1, adminI, now, "null", unix(now.Add(time.Minute)), "null", false, 1)))
		},
		func(t *testing.T, w *world) { // 50
			w.finished(t, "")
			w.remove(adminI, "1").want(t, http.StatusOK, done)
			w.remove(adminI, "1").wantRefused(t, "Export already deleted")
		},
		func(t *testing.T, w *world) { // 51
			w.row(otherRealm, realmport.Succeeded, stranger, now)
			w.remove(adminI, "0").wantRefused(t, "Invalid data export ID")
			w.remove(adminI, "1").wantRefused(t, "Invalid data export ID")
		},
		func(t *testing.T, w *world) { // 52
			for _, id := range []string{"abc", "-1", "", "1/"} {
				w.remove(adminI, id).wantPage(t, http.StatusNotFound)
			}
		},
		func(t *testing.T, w *world) {
			w.remove(adminI, "99999999999999999999").wantRefused(t, "Invalid data export ID")
		}, // 53
		func(t *testing.T, w *world) { // 54
			w.post(adminI, "")
			w.remove(memberM, "1").wantNoAdmin(t)
		},
		func(t *testing.T, w *world) { // 55
			w.consents(t, ownerO)
		},
		func(t *testing.T, w *world) { w.do(request{target: basePath + "/consents", as: guestG}).wantNoAdmin(t) }, // 56
		func(t *testing.T, w *world) { // 57
			w.set(ownerO, "allow_private_data_export", false)
			for _, user := range []int64{memberM, guestG} {
				w.do(request{method: http.MethodPatch, target: "/api/v1/settings", as: user, form: "allow_private_data_export=true"}).
					want(t, http.StatusOK, done)
			}
			w.consents(t, memberM, guestG)
		},
	}
}

// consents checks who consents: of all active people, no bots.
func (w *world) consents(t *testing.T, who ...int64) {
	t.Helper()
	var list []string
	const activePeople = "SELECT count(*) FROM @zerver_userprofile WHERE id = $1 AND realm_id = 2 AND is_active AND NOT is_bot"
	for id := int64(1); id < 50; id++ {
		if w.count(activePeople, id) == 1 {
			consented := false
			for _, user := range who {
				consented = consented || user == id
			}
			list = append(list, fmt.Sprintf(`{"user_id":%d,"consented":%t}`, id, consented))
		}
	}
	if len(list) < 4 {
		t.Fatalf("got %d active people, want some", len(list))
	}
	w.do(request{target: basePath + "/consents", as: adminI}).
		want(t, http.StatusOK, `{"result":"success","msg":"","export_consents":[`+strings.Join(list, ",")+`]}`)
}
