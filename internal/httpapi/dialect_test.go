package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/realmport/realmport"
)

// TestStringDialect is what differs from feature level 449 on, and from 499 on (api.md §8).
func TestStringDialect(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, k, func(o *Options) {
				o.FeatureLevel = 449
				o.Exports.Policy.PerWeek, o.Exports.Policy.Full = 20, true
			})
			queue := w.register(t, ownerO, `["realm_export"]`)
			for _, form := range []string{"export_type=1", "export_type=2", "export_type=standard", "export_type=Public", "export_type=", "export_type=public ", `export_type="public"`} {
				w.post(adminI, form).wantRefused(t, notListed)
			}
			w.post(ownerO, "export_type=full_without_consent").want(t, http.StatusOK, ok(1))
			w.post(adminI, "").want(t, http.StatusOK, ok(2))
			w.post(adminI, "export_type=public").want(t, http.StatusOK, ok(3))
			w.post(adminI, "export_type=full_with_consent").want(t, http.StatusOK, ok(4))
			for id, want := range map[int64]realmport.ExportType{1: realmport.Full, 2: realmport.Public, 3: realmport.Public, 4: realmport.Standard} {
				if got := w.export(id).Type; got != want {
					t.Errorf("export %d: got type %v, want %v", id, got, want)
				}
			}
			const types = `"full_without_consent" "public" "public" "full_with_consent"`
			if got := typesIn(w.get(adminI).body); got != types {
				t.Errorf("got %s, want %s", got, types)
			}
			if got := typesIn(w.poll(ownerO, queue, 2).body); got != types {
				t.Errorf("in the last event: got %s, want %s", got, types)
			}
			// Only owners may, and only where the policy lets them.
			r := w.post(adminI, "export_type=full_without_consent")
			if r.status != http.StatusBadRequest || !strings.HasSuffix(r.body, `"code":"UNAUTHORIZED_PRINCIPAL"}`+"\n") {
				t.Errorf("got %d %s, want it refused", r.status, r.body)
			}
		})
	}
}

// TestVisibleAddresses is what differs from feature level 430 on.
func TestVisibleAddresses(t *testing.T) {
	t.Parallel()
	for level, want := range map[int]bool{429: false, 430: true, 449: true} {
		w := newWorld(t, kinds()[0], func(o *Options) { o.FeatureLevel = level })
		w.set(memberM, "email_address_visibility", 4)
		r := w.do(request{target: basePath + "/consents", as: adminI})
		if got := strings.Contains(r.body, `{"user_id":12,"consented":false,"email_address_visibility":4}`); r.status != http.StatusOK || got != want {
			t.Errorf("feature level %d: got %d %s, want the visibility: %v", level, r.status, r.body, want)
		}
	}
}

// typesIn lists the export types of a body.
func typesIn(body string) string {
	var list []string
	for rest := body; ; {
		_, after, ok := strings.Cut(rest, `"export_type":`)
		if !ok {
			return strings.Join(list, " ")
		}
		list = append(list, after[:strings.IndexAny(after, ",}")])
		rest = after
	}
}

func TestNewestDialect(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], func(o *Options) { o.FeatureLevel = 499 })
	w.post(adminI, "").want(t, http.StatusOK, ok(1))
	if body := w.get(adminI).body; !strings.Contains(body, `"export_type":"public","export_from_prior_server":false}]}`) {
		t.Errorf("got %s, want the newest key at the end", body)
	}
}

// TestFullIsNotOfferedBefore checks that the third type cannot be asked for where types are integers, whatever the policy.
func TestFullIsNotOfferedBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], func(o *Options) { o.FeatureLevel, o.Exports.Policy.Full = 448, true })
	w.post(ownerO, "export_type=3").wantRefused(t, notListed)
	w.row(acmeRealm, realmport.Succeeded, ownerO, now)
	w.exec("UPDATE @zerver_realmexport SET type = 3")
	if got := typesIn(w.get(adminI).body); got != "3" {
		t.Errorf("got type %s, want 3", got)
	}
}

// TestDetails checks that a refusal tells which limit was reached, unless the answers are to be those of the reference.
func TestDetails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], func(o *Options) { o.PlainRefusals = false })
	w.usage(250_001, 0)
	w.post(adminI, "").want(t, http.StatusBadRequest, `{"result":"error","msg":"`+tooLarge+`",`+
		`"details":{"limit":"max_messages","present":250001,"value":250000},"code":"BAD_REQUEST"}`)
	w.fill(realmport.Failed, 0)
	w.post(adminI, "").want(t, http.StatusBadRequest, `{"result":"error","msg":"`+tooOften+`",`+
		`"details":{"limit":"exports_per_week","present":5,"value":5},"code":"BAD_REQUEST"}`)
}

func TestRootDomain(t *testing.T) {
	t.Parallel()
	get := request{target: "/api/v1/server_settings", host: "example.com"}
	w := newWorld(t, kinds()[0], nil)
	r := w.do(get)
	if r.status != http.StatusOK || strings.Contains(r.body, "realm_name") || strings.Contains(r.body, "realm_icon") ||
		strings.Contains(r.body, "realm_description") || !strings.Contains(r.body, `"realm_url":"https://example.com"`) {
		t.Errorf("got %d %s, want no organization", r.status, r.body)
	}
	w = newWorld(t, kinds()[0], func(o *Options) { o.RootLandingPage = true })
	w.do(get).wantRefused(t, "Subdomain required")

	// The embedded store: the root domain stands for its organization, over HTTP.
	w = newWorld(t, kinds()[0], func(o *Options) {
		o.Hosts = Hosts{Scheme: "http", ExternalHost: "localhost:8420", DefaultRealm: "acme"}
	})
	r = w.do(request{target: "/api/v1/server_settings", host: "127.0.0.1:8420"}).wantHeader(t, "Strict-Transport-Security", "")
	if !strings.Contains(r.body, `"realm_url":"http://localhost:8420","realm_name":"Rules`) {
		t.Errorf("got %s, want the organization at the root", r.body)
	}
	w.do(request{target: basePath, as: adminI, host: "localhost:8420"}).want(t, http.StatusOK, noExports)
	w.do(request{method: "POST", target: basePath, as: adminI, host: "localhost:8420"}).want(t, http.StatusOK, ok(1))
	w.work(1, false)
	if body := w.do(request{target: basePath, as: adminI, host: "localhost:8420"}).body; !strings.Contains(body, `"export_url":"http://localhost:8420/user_avatars/exports/2/`) {
		t.Errorf("got %s, want a link to the root", body)
	}
}

func TestParagraphs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                      "",
		" \n ":                  "",
		"a":                     "<p>a</p>",
		"a\r\nb\n \n\n\nc <b>&": "<p>a<br>\nb</p>\n<p>c &lt;b&gt;&amp;</p>",
	} {
		if got := paragraphs(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
