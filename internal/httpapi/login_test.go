package httpapi

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func (w *world) login(user int64, next string) response {
	w.t.Helper()
	return w.do(request{method: http.MethodPost, target: "/login/", form: form("email", emailOf(user), "api_key", keyOf(user), "next", next)})
}

// session logs in and returns the header with the cookie.
func (w *world) session(t *testing.T, user int64) string {
	t.Helper()
	r := w.login(user, "/realmport/")
	cookie, err := http.ParseSetCookie(r.header.Get("Set-Cookie"))
	if r.status != http.StatusSeeOther || err != nil {
		t.Fatalf("got %d, %v", r.status, err)
	}
	if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.MaxAge != 12*60*60 || cookie.Path != "/" || cookie.Domain != "" {
		t.Errorf("got cookie %v", cookie)
	}
	return "Cookie: " + cookie.Name + "=" + cookie.Value
}

func TestLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], withLogin)
	r := w.do(request{target: "/login/?next=" + url.QueryEscape(`/a?b=c&d="><script>`)})
	r.wantPage(t, http.StatusOK)
	if !strings.Contains(r.body, `name="next" value="/a?b=c&amp;d=&#34;&gt;&lt;script&gt;"`) || !strings.Contains(r.body, `<label for="key">`) {
		t.Errorf("got %s, want the form", r.body)
	}
	r.wantHeader(t, "Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'", "X-Frame-Options", "DENY",
		"Cache-Control", "max-age=0, no-cache, no-store, must-revalidate, private", "Access-Control-Allow-Origin", "")
	w.login(adminI, "/realmport/?x=1").wantEmpty(t, http.StatusSeeOther).wantHeader(t, "Location", "/realmport/?x=1")
	for i, c := range []struct{ email, key, message string }{
		{emailOf(adminI), keyOf(memberM), "Invalid API key"},
		{emailOf(adminI), "<b>", "Malformed API key"},
		{emailOf(webhookW), keyOf(webhookW), "This API is not available to incoming webhook bots."},
		{emailOf(stranger), keyOf(stranger), "Account is not associated with this subdomain"},
		{`"><script>`, keyOf(adminI), "Invalid API key"},
	} {
		w.clock.Advance(time.Minute)
		r := w.do(request{method: http.MethodPost, target: "/login/", form: form("email", c.email, "api_key", c.key)})
		r.wantPage(t, http.StatusForbidden)
		if !strings.Contains(r.body, `<p role="alert">`+c.message+"</p>") || strings.Contains(r.body, "<script>") || strings.Contains(r.body, c.key) ||
			r.header.Get("Set-Cookie") != "" {
			t.Errorf("attempt %d: got %s, want %s", i, r.body, c.message)
		}
	}
	w.do(request{method: http.MethodPost, target: "/login/", body: "x", header: []string{"Content-Type: multipart/form-data"}}).
		wantPage(t, http.StatusBadRequest)
	// Without the option there is no such page.
	newWorld(t, kinds()[0], nil).do(request{target: "/login/"}).wantPage(t, http.StatusNotFound)
}

// TestNewKeyEndsSessions checks that whoever changes their API key ends the sessions that the old one began.
func TestNewKeyEndsSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], withLogin)
	cookie := w.session(t, adminI)
	w.post(adminI, "").want(t, http.StatusOK, ok(1))
	look := func() response { return w.do(request{target: statusPath, header: []string{cookie}}) }
	if r := look(); r.status != http.StatusOK {
		t.Fatalf("got %d %s, want the export", r.status, r.body)
	}
	w.set(adminI, "api_key", strings.Repeat("Z", 32))
	if r := look(); r.status == http.StatusOK {
		t.Errorf("with another key: got %s, want no answer", r.body)
	}
}

func TestNextIsLocal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], withLogin)
	c := &call{api: w.api}
	home := w.api.o.Login.Home
	for next, want := range map[string]string{
		"/":                      "/",
		"/realmport/?a=b#c":      "/realmport/?a=b#c",
		"":                       home,
		"//evil.test":            home,
		"/\\evil.test":           home,
		"/\t/evil.test":          home,
		"https://evil.test/":     home,
		"javascript:alert(1)":    home,
		"evil.test":              home,
		"/api/v1/export/realm":   home, // nothing to see there
		"/login/?next=/login/":   home,
		"/a\r\nSet-Cookie: b=c":  home,
		"/%zz":                   home,
		"/user_avatars/x%2Fy?z=": "/user_avatars/x%2Fy?z=",
	} {
		if got := c.localPath(next); got != want {
			t.Errorf("%q: got %q, want %q", next, got, want)
		}
	}
}

func TestLoginAttemptsAreLimited(t *testing.T) {
	t.Parallel()
	address := "2001:db8::1"
	w := newWorld(t, kinds()[0], func(o *Options) {
		withLogin(o)
		o.ClientIP = func(*http.Request) string { return address }
	})
	for range loginsPerMinute {
		w.login(adminI, "")
	}
	address = "2001:db8::ffff" // the same network
	w.login(adminI, "").wantHeader(t, "Retry-After", "61").wantPage(t, http.StatusTooManyRequests)
	address = "192.0.2.1"
	if r := w.login(adminI, ""); r.status != http.StatusSeeOther {
		t.Errorf("elsewhere: got %d", r.status)
	}
	address = "2001:db8::1"
	w.clock.Advance(time.Minute)
	if r := w.login(adminI, ""); r.status != http.StatusSeeOther {
		t.Errorf("a minute later: got %d", r.status)
	}
	for ip, want := range map[string]string{"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "::ffff:192.0.2.1", "2001:db8:0:1::2%eth0": "2001:db8:0:1::/64", "x": "x"} {
		if got := addressBlock(ip); got != want {
			t.Errorf("%s: got %s, want %s", ip, got, want)
		}
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], func(o *Options) {
		withLogin(o)
		o.Download.RequireLogin = true
	})
	session := w.session(t, adminI)
	path := w.finished(t, "")
	with := func(r request, header ...string) response {
		r.header = append(r.header, header...)
		return w.do(r)
	}
	if r := with(request{target: path}, session); r.status != http.StatusOK {
		t.Errorf("download: got %d", r.status)
	}
	if r := with(request{target: statusPath}, session); r.status != http.StatusOK {
		t.Errorf("status: got %d", r.status)
	}
	// A session is no login for Zulip's own API.
	if r := with(request{target: basePath}, session); r.status != http.StatusUnauthorized {
		t.Errorf("list: got %d", r.status)
	}
	// What changes something must come from this server's pages.
	w.post(adminI, "")
	cancel := request{method: http.MethodPost, target: "/realmport/v1/exports/2/cancel"}
	const foreign = `{"result":"error","msg":"The request comes from a page of another server","code":"CSRF_FAILED"}`
	with(cancel, session, "Sec-Fetch-Site: cross-site").want(t, http.StatusForbidden, foreign)
	with(cancel, session, "Origin: https://evil.test").want(t, http.StatusForbidden, foreign)
	with(cancel, session, "Origin: https://acme.example.com").want(t, http.StatusOK, done)
	// Sessions that are not, or not any more.
	name, value, _ := strings.Cut(session, "=")
	id, rest, _ := strings.Cut(value, ".")
	for _, header := range []string{
		name + "=", name + "=10." + rest, name + "=" + id + ".99999999999." + rest[strings.IndexByte(rest, '.')+1:], session + "x", name + "=1.2.3.4", "Cookie: other=" + value,
	} {
		if r := with(request{target: statusPath}, header); r.status != http.StatusUnauthorized {
			t.Errorf("%s: got %d", header, r.status)
		}
	}
	if r := with(request{target: statusPath, host: "other.example.com"}, session); r.status != http.StatusUnauthorized {
		t.Errorf("elsewhere: got %d", r.status)
	}
	w.set(adminI, "role", 400)
	if r := with(request{target: path}, session); r.status != http.StatusBadRequest {
		t.Errorf("demoted: got %d", r.status)
	}
	w.set(adminI, "is_active", false)
	if r := with(request{target: statusPath}, session); r.status != http.StatusUnauthorized {
		t.Errorf("deactivated: got %d", r.status)
	}
	w.set(adminI, "is_active", true)
	w.set(adminI, "role", 200)
	w.clock.Advance(sessionLife)
	if r := with(request{target: statusPath}, session); r.status != http.StatusUnauthorized {
		t.Errorf("12 hours later: got %d", r.status)
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], withLogin)
	logout := request{method: http.MethodPost, target: "/logout/"}
	r := w.do(logout).wantEmpty(t, http.StatusSeeOther)
	cookie, err := http.ParseSetCookie(r.header.Get("Set-Cookie"))
	if err != nil || cookie.MaxAge != -1 || cookie.Value != "" {
		t.Errorf("got cookie %v, %v, want it ended", cookie, err)
	}
	for _, target := range []string{"/logout/", "/login/"} {
		w.do(request{method: http.MethodPost, target: target, header: []string{"Sec-Fetch-Site: cross-site"}}).wantPage(t, http.StatusForbidden)
	}
}
