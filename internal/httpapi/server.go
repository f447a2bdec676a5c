package httpapi

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/realmport/realmport"
)

// noMethods is the value of authentication_methods: realmport knows API keys only.
func noMethods() jsontext.Value {
	var methods []field
	for _, name := range []string{
		"password", "dev", "email", "ldap", "remoteuser", "github", "azuread", "gitlab", "google", "apple", "saml", "openid connect",
	} {
		methods = append(methods, field{name, false})
	}
	return jsonObject(methods...)
}

// serverSettings is GET /server_settings, which everybody may ask, with or without a login (api.md §3.4).
func (c *call) serverSettings() error {
	o := &c.api.o
	if c.stringID == "" && o.RootLandingPage {
		return realmport.Errorf(realmport.Invalid, "Subdomain required")
	}
	realm, err := c.directory().RealmByStringID(c.ctx(), c.stringID)
	switch {
	case realmport.ErrorCode(err) == realmport.NotFound && c.stringID == "":
		realm = nil // the root domain need not have an organization
	case realmport.ErrorCode(err) == realmport.NotFound:
		return realmport.Errorf(realmport.Invalid, "Invalid subdomain")
	case err != nil:
		return err
	}
	url := o.Hosts.URL(c.stringID)
	fields := []field{
		{"result", "success"},
		{"msg", ""},
		{"authentication_methods", noMethods()},
		{"zulip_version", o.ZulipVersion},
		{"zulip_merge_base", o.MergeBase},
		{"zulip_feature_level", o.FeatureLevel},
		{"push_notifications_enabled", false},
		{"is_incompatible", incompatible(c.r)},
		{"email_auth_enabled", false},
		{"require_email_format_usernames", true},
		{"realm_url", url},
	}
	if realm != nil {
		icon := realmIcon(realm)
		if o.Hosts.DefaultRealm != "" {
			icon = "" // of the embedded store nobody serves it
		}
		fields = append(fields, field{"realm_name", realm.Name}, field{"realm_icon", icon},
			field{"realm_description", paragraphs(realm.Description)})
	}
	fields = append(fields, field{"realm_web_public_access_enabled", realm != nil && realm.WebPublic},
		field{"external_authentication_methods", []string{}}, field{"realm_uri", url})
	c.write(http.StatusOK, "application/json", append(jsonObject(fields...), '\n'))
	return nil
}

// incompatible tells whether the client is the one that tests use as too old.
func incompatible(r *http.Request) bool {
	name, _, _ := strings.Cut(r.UserAgent(), "/")
	name, _, _ = strings.Cut(name, " ")
	return name == "ZulipInvalid"
}

// realmIcon is the path of an uploaded icon, "" if there is none.
func realmIcon(r *realmport.Realm) string {
	if !r.IconGiven {
		return ""
	}
	return fmt.Sprintf("/user_avatars/%d/realm/icon.png?version=%d", r.ID, r.IconVersion)
}

var blankLines = regexp.MustCompile(`\n[ \t]*(\n[ \t]*)+`)

// paragraphs renders a description as HTML. Of Markdown it knows paragraphs and line breaks.
func paragraphs(text string) string {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	if text == "" {
		return ""
	}
	var list []string
	for _, p := range blankLines.Split(text, -1) {
		list = append(list, "<p>"+strings.ReplaceAll(html.EscapeString(p), "\n", "<br>\n")+"</p>")
	}
	return strings.Join(list, "\n")
}

// health is GET /health, for those who watch over the service.
func (c *call) health() error {
	if c.api.o.Health != nil {
		if err := c.api.o.Health(c.ctx()); err != nil {
			c.api.o.Log.Error("not healthy", "error", err.Error())
			return &failure{status: http.StatusServiceUnavailable, code: "UNAVAILABLE", message: "Something this server needs does not answer; its log says what"}
		}
	}
	return c.succeed()
}
