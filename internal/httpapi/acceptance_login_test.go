package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
)

// with asks for the list with that header Authorization.
func (w *world) with(authorization string) response {
	w.t.Helper()
	return w.do(request{target: basePath, header: []string{"Authorization: " + authorization}})
}

func loginRows() []func(*testing.T, *world) {
	const noLogin = "Not logged in: API authentication or user session required"
	return []func(*testing.T, *world){
		func(t *testing.T, w *world) { w.get(nobody).wantUnauthorized(t, noLogin) }, // 58
		func(t *testing.T, w *world) { // 59
			w.do(request{target: basePath + "?api_key=" + keyOf(adminI)}).wantUnauthorized(t, noLogin)
		},
		func(t *testing.T, w *world) { // 60
			w.do(request{target: basePath, header: []string{"Accept: text/html"}}).want(t, http.StatusFound, "").
				wantHeader(t, "Location", "/login/?next=%2Fapi%2Fv1%2Fexport%2Frealm")
			for _, accept := range []string{"*/*", "application/json", "text/html;q=0.5, application/json"} {
				w.do(request{target: basePath, header: []string{"Accept: " + accept}}).wantUnauthorized(t, noLogin)
			}
		},
		func(t *testing.T, w *world) { // 61
			r := w.with("Bearer x")
			r.wantRefused(t, "This endpoint requires HTTP basic authentication.")
			r.wantHeader(t, "Www-Authenticate", "")
		},
		func(t *testing.T, w *world) { // 62
			for _, header := range []string{"Basic", "", "Basic Zm9v", basic("a:b", keyOf(adminI)), "Basic Zm86Y", "Basic a b", "Basic /////w=="} {
				w.with(header).wantUnauthorized(t, "Invalid authorization header for basic auth")
			}
		},
		func(t *testing.T, w *world) { // 63
			for _, key := range []string{"x", strings.Repeat("-", 32), ""} {
				w.with(basic(emailOf(adminI), key)).wantUnauthorized(t, "Malformed API key")
			}
		},
		func(t *testing.T, w *world) { // 64
			for email, key := range map[string]string{
				emailOf(adminI): strings.Repeat("x", 32), emailOf(ownerO): keyOf(memberM), "user11@demo.chat.demo.test": keyOf(adminI), "": keyOf(adminI),
			} {
				w.with(basic(email, key)).wantUnauthorized(t, "Invalid API key")
			}
			w.with(basic(emailOf(adminI), strings.ToLower(keyOf(adminI)))).wantUnauthorized(t, "Invalid API key")
		},
		func(t *testing.T, w *world) { // 65
			w.with(basic(strings.ToUpper(emailOf(adminI)), keyOf(adminI))).want(t, http.StatusOK, noExports)
			w.with(basic(" "+emailOf(adminI)+"\t", " "+keyOf(adminI)+"\n")).want(t, http.StatusOK, noExports)
			w.with("basic  "+strings.TrimPrefix(basic(emailOf(adminI), keyOf(adminI)), "Basic ")).want(t, http.StatusOK, noExports)
		},
		func(t *testing.T, w *world) { // 66
			for _, method := range []string{"DELETE", "PUT", "PATCH", "TRACE", "BREW"} {
				w.do(request{method: method, target: basePath}).want(t, http.StatusMethodNotAllowed, notAllowedBody).
					wantHeader(t, "Allow", "POST, GET, HEAD", "Content-Type", "text/html; charset=utf-8")
			}
		},
		func(t *testing.T, w *world) { // 67
			w.do(request{target: basePath + "/1", as: adminI}).
				want(t, http.StatusMethodNotAllowed, `{"result":"error","msg":"Method Not Allowed","allowed_methods":["DELETE"]}`).wantHeader(t, "Allow", "DELETE")
		},
		func(t *testing.T, w *world) { // 68
			w.do(request{method: "POST", target: basePath + "/consents"}).
				want(t, http.StatusMethodNotAllowed, `{"result":"error","msg":"Method Not Allowed","allowed_methods":["GET","HEAD"]}`).
				wantHeader(t, "Allow", "GET, HEAD")
		},
		options(basePath, "GET, HEAD, POST"), // 69
		func(t *testing.T, w *world) { // 70
			options(basePath+"/1", "DELETE")(t, w)
			options(basePath+"/consents", "GET, HEAD")(t, w)
		},
		func(t *testing.T, w *world) { // 71
			w.post(adminI, "")
			length := strconv.Itoa(len(w.get(adminI).body))
			w.do(request{method: http.MethodHead, target: basePath, as: adminI}).wantEmpty(t, http.StatusOK).
				wantHeader(t, "Content-Length", length, "X-RateLimit-Remaining", "197")
		},
		func(t *testing.T, w *world) { // 72
			w.do(request{target: basePath + "/", as: adminI}).wantPage(t, http.StatusNotFound)
		},
		func(t *testing.T, w *world) { // 73
			for _, host := range []string{"other.example.com", "missing.example.com", "example.com", "www.example.com", "localhost"} {
				w.do(request{target: basePath, as: adminI, host: host}).wantUnauthorized(t, "Account is not associated with this subdomain")
			}
		},
		func(t *testing.T, w *world) { // 74
			w.do(request{target: basePath, as: adminI, host: "ACME.example.com:443"}).want(t, http.StatusOK, noExports)
		},
		func(t *testing.T, w *world) { // 75
			w.do(request{target: basePath, as: adminI, host: "evil.test"}).wantPage(t, http.StatusBadRequest)
		},
		func(t *testing.T, w *world) { // 76
			w.set(adminI, "is_active", false)
			w.get(adminI).wantUnauthorized(t, "Account is deactivated")
		},
		func(t *testing.T, w *world) { // 77
			w.exec("UPDATE @zerver_realm SET deactivated = true WHERE id = 2")
			for _, host := range []string{acmeHost, "other.example.com"} {
				w.do(request{target: basePath, as: adminI, host: host}).wantUnauthorized(t, "This organization has been deactivated")
			}
		},
		func(t *testing.T, w *world) { // 78
			w.get(webhookW).wantUnauthorized(t, "This API is not available to incoming webhook bots.")
		},
		row79,
		func(t *testing.T, w *world) { // 80
			w.get(adminI).wantHeader(t, "X-RateLimit-Limit", "200", "X-RateLimit-Remaining", "199", "X-RateLimit-Reset", unix(now.Add(time.Minute)))
		},
		func(t *testing.T, w *world) { // 81
			w.api.o.Exports.Exports = crashing{w.api.o.Exports.Exports}
			w.get(adminI).want(t, http.StatusInternalServerError, `{"result":"error","msg":"Internal server error"}`).wantHeader(t, "Cache-Control", "")
			if log := w.log.String(); !strings.Contains(log, "request handler crashed") || strings.Contains(log, keyOf(adminI)) || strings.Contains(log, "Basic") {
				t.Errorf("got log %q, want the crash, and no secrets", log)
			}
		},
		func(t *testing.T, w *world) { // 82
			const cached = "max-age=0, no-cache, no-store, must-revalidate, private"
			w.get(adminI).wantHeader(t, "Cache-Control", cached, "Expires", now.Format(http.TimeFormat), "Vary", "Accept-Language",
				"Content-Language", "en", "Strict-Transport-Security", "max-age=15768000", "X-Frame-Options", "DENY", "X-Content-Type-Options", "nosniff",
				"Access-Control-Allow-Origin", "*", "Access-Control-Allow-Headers", "Authorization",
				"Access-Control-Allow-Methods", "GET, POST, DELETE, PUT, PATCH, HEAD")
			w.post(adminI, "").wantHeader(t, "Cache-Control", cached)
			w.get(memberM).wantHeader(t, "Cache-Control", "", "Expires", "", "Access-Control-Allow-Origin", "*")
		},
		func(t *testing.T, w *world) { // 83
			for _, authorization := range []string{"", "Authorization: Bearer x", "Authorization: " + basic("a", "b")} {
				r := request{target: "/api/v1/server_settings"}
				if authorization != "" {
					r.header = []string{authorization}
				}
				w.do(r).want(t, http.StatusOK, settings(false)).wantHeader(t, "Cache-Control", "", "X-RateLimit-Limit", "")
			}
		},
		func(t *testing.T, w *world) { // 84
			w.do(request{target: "/api/v1/server_settings", header: []string{"User-Agent: ZulipInvalid"}}).want(t, http.StatusOK, settings(true))
		},
		func(t *testing.T, w *world) { // 85
			w.do(request{target: "/api/v1/server_settings", host: "missing.example.com"}).wantRefused(t, "Invalid subdomain")
		},
		func(t *testing.T, w *world) { // 86
			for _, method := range []string{"POST", "OPTIONS"} {
				w.do(request{method: method, target: "/api/v1/server_settings"}).want(t, http.StatusMethodNotAllowed, "").wantHeader(t, "Allow", "GET, HEAD")
			}
		},
		row87, row88, row89, row90, row91, row92, row93,
		func(t *testing.T, w *world) { // 94
			foreign := w.register(t, memberM, "")
			for _, id := range []string{foreign, "q"} {
				w.do(request{target: eventsPath + "?queue_id=" + id + "&last_event_id=-1", as: adminI}).want(t, http.StatusBadRequest,
					fmt.Sprintf(`{"result":"error","msg":"Bad event queue ID: %[1]s","queue_id":"%[1]s","code":"BAD_EVENT_QUEUE_ID"}`, id))
			}
		},
		func(t *testing.T, w *world) { // 95
			id := w.register(t, adminI, "")
			w.do(request{target: eventsPath + "?queue_id=" + id + "&last_event_id=0", as: adminI}).wantRefused(t, "Event 0 was not in this queue")
		},
		func(t *testing.T, w *world) { // 96
			w.do(request{method: http.MethodDelete, target: eventsPath, as: adminI}).want(t, http.StatusBadRequest,
				`{"result":"error","msg":"Missing 'queue_id' argument","var_name":"queue_id","code":"REQUEST_VARIABLE_MISSING"}`)
		},
		row97,
		func(t *testing.T, w *world) { // 98
			w.setting(genericB, "allow_private_data_export=maybe").wantRefused(t, "This endpoint does not accept bot requests.")
		},
		func(t *testing.T, w *world) { // 99: what the Python client sends (api.md §5)
			r := w.do(request{target: "/api/v1/server_settings", as: adminI, header: []string{"User-agent: ZulipPython/0.9.1 (Debian GNU/Linux; 12)", "Accept: */*"}})
			if !strings.Contains(r.body, `"zulip_version":"11.0"`) {
				t.Errorf("got %s, want a version", r.body)
			}
			w.do(request{method: http.MethodPost, target: basePath, as: adminI, header: []string{"Accept: */*", "Accept-Encoding: gzip, deflate"}}).
				want(t, http.StatusOK, ok(1))
		},
		func(t *testing.T, w *world) { // 100
			w.do(request{target: "/api/v1//export/realm", as: adminI}).want(t, http.StatusOK, noExports)
		},
	}
}

// options expects the answer to OPTIONS without a login.
func options(path, allow string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		w.do(request{method: http.MethodOptions, target: path}).want(t, http.StatusNoContent, "").
			wantHeader(t, "Allow", allow, "Content-Type", "text/html; charset=utf-8")
	}
}

func row79(t *testing.T, w *world) {
	for range 100 {
		w.get(adminI).want(t, http.StatusOK, noExports)
	}
	w.clock.Advance(30*time.Second + time.Millisecond)
	for range 100 {
		w.get(adminI).want(t, http.StatusOK, noExports)
	}
	const left = "29.999"
	for range 2 { // a refused call is not counted
		w.get(adminI).want(t, http.StatusTooManyRequests,
			`{"result":"error","msg":"API usage exceeded rate limit","code":"RATE_LIMIT_HIT","retry-after":`+left+`}`).
			wantHeader(t, "Retry-After", left, "X-RateLimit-Remaining", "0", "X-RateLimit-Limit", "200",
				"X-RateLimit-Reset", unix(now.Add(time.Minute)), "Cache-Control", "")
	}
	w.get(ownerO).want(t, http.StatusOK, noExports)
	w.clock.Advance(29999 * time.Millisecond)
	w.get(adminI).want(t, http.StatusOK, noExports).wantHeader(t, "X-RateLimit-Remaining", "99")
}

// crashing crashes when exports are listed.
type crashing struct{ realmport.Exports }

func (crashing) List(context.Context, int64) ([]realmport.Export, error) { panic("no list") }

// settings is the answer to GET /server_settings on acme.
func settings(incompatible bool) string {
	return `{"result":"success","msg":"","authentication_methods":{"password":false,"dev":false,"email":false,"ldap":false,"remoteuser":false,` +
		`"github":false,"azuread":false,"gitlab":false,"google":false,"apple":false,"saml":false,"openid connect":false},` +
		`"zulip_version":"11.0","zulip_merge_base":"","zulip_feature_level":372,"push_notifications_enabled":false,` +
		fmt.Sprintf(`"is_incompatible":%t,`, incompatible) +
		`"email_auth_enabled":false,"require_email_format_usernames":true,"realm_url":"https://acme.example.com",` +
		`"realm_name":"Rules & <Regulations> ✓","realm_icon":"/user_avatars/2/realm/icon.png?version=1",` +
		`"realm_description":"<p>One of &#34;everything&#34;</p>","realm_web_public_access_enabled":false,` +
		`"external_authentication_methods":[],"realm_uri":"https://acme.example.com"}`
}
