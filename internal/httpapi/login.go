package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/realmport/realmport"
)

const (
	sessionCookie   = "realmport_session"
	sessionLife     = 12 * time.Hour
	loginsPerMinute = 10 // of one address
)

// errCSRF refuses what a page of another server makes a browser ask for.
var errCSRF = &failure{status: http.StatusForbidden, code: "CSRF_FAILED", message: "The request comes from a page of another server"}

// identify finds out who asks: by the header Authorization or, if that may be, by a session.
func (c *call) identify(session bool) error {
	err := c.login()
	if session && errors.Is(err, errNoLogin) && c.api.o.Login != nil {
		return c.sessionLogin()
	}
	return err
}

// sessionText is what a session is signed for. A new API key ends the sessions that the old one began.
func sessionText(u *realmport.User) string { return fmt.Sprintf("%d %x", u.ID, u.KeyDigest) }

// sessionLogin logs in by the session's cookie. What changes something must come from a page of this server.
func (c *call) sessionLogin() error {
	cookie, err := c.r.Cookie(sessionCookie)
	if err != nil {
		return errNoLogin
	}
	id, rest, _ := strings.Cut(cookie.Value, ".")
	expires, sig, _ := strings.Cut(rest, ".")
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return errNoLogin
	}
	user, err := c.directory().User(c.ctx(), n)
	if realmport.ErrorCode(err) == realmport.NotFound {
		return errNoLogin
	}
	if err != nil {
		return err
	}
	if !signed(c.api.o.Login.Key, "session", sessionText(user), expires, sig, c.now()) {
		return errNoLogin
	}
	var protection http.CrossOriginProtection
	if protection.Check(c.r) != nil {
		return errCSRF
	}
	return c.admit(user)
}

// cookie is a session of the user who asks; of nobody if it ends one.
func (c *call) cookie(value string, life time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: int(life / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: c.api.o.Hosts.Scheme == "https",
	}
}

// toLogin sends a browser to the page for logging in, which leads back here.
func (c *call) toLogin() {
	c.noCache()
	c.redirect(http.StatusFound, "/login/?next="+strings.ReplaceAll(url.QueryEscape(c.r.URL.RequestURI()), "+", "%20"))
}

// loginForm is what the form for logging in holds when it is shown.
type loginForm struct{ Next, Email string }

// loginPage shows the form, and logs in with what was filled in.
func (c *call) loginPage() {
	c.w.Header().Set("Referrer-Policy", "same-origin")
	c.noCache()
	if !slices.Contains(c.route.methods, c.r.Method) {
		c.methodNotAllowed()
		return
	}
	if c.r.Method == http.MethodPost && !c.mayTry() {
		return
	}
	if err := c.readParams(); err != nil {
		c.badRequest("The form in this request cannot be read.")
		return
	}
	next, _ := c.get("next")
	show := page{Title: "Log in", Form: &loginForm{Next: c.localPath(next)}}
	if c.r.Method != http.MethodPost {
		c.show(http.StatusOK, show)
		return
	}
	show.Form.Email = strings.TrimSpace(c.form["email"])
	err := c.loginWith(show.Form.Email, strings.TrimSpace(c.form["api_key"]))
	if err == nil {
		expires := c.now().Add(sessionLife).Unix()
		id := strconv.FormatInt(c.user.ID, 10)
		value := id + "." + strconv.FormatInt(expires, 10) + "." + sign(c.api.o.Login.Key, "session", sessionText(c.user), expires)
		http.SetCookie(c.w, c.cookie(value, sessionLife))
		c.redirect(http.StatusSeeOther, show.Form.Next)
		return
	}
	f, known := c.refuse(err)
	if !known {
		c.fail(err)
		return
	}
	show.Text = f.message
	c.show(http.StatusForbidden, show)
}

// mayTry checks that a form comes from a page of this server, and that its sender has not tried too often. If not, it answers.
func (c *call) mayTry() bool {
	var protection http.CrossOriginProtection
	if protection.Check(c.r) != nil {
		c.page(http.StatusForbidden, "Not allowed (403)", errCSRF.message+".")
		return false
	}
	if v := c.api.logins.take(addressBlock(c.api.o.ClientIP(c.r)), nil); v.retry > 0 {
		c.w.Header().Set("Retry-After", strconv.Itoa(int(v.retry/time.Second)+1))
		c.page(http.StatusTooManyRequests, "Too many attempts (429)", "Please wait a minute before you try again.")
		return false
	}
	return true
}

// addressBlock is what is taken for one client: an address, of IPv6 the network.
func addressBlock(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Unmap().Is4() {
		return ip
	}
	prefix, _ := addr.WithZone("").Prefix(64)
	return prefix.String()
}

// localPath returns a path of this server that a browser shall go to, for one that may be meant to lead elsewhere. The API
// has nothing to show in a browser.
func (c *call) localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\r\n\t\x00") || strings.HasPrefix(next, "/api/") || strings.HasPrefix(next, "/login/") {
		return c.api.o.Login.Home
	}
	return next
}

// logoutPage ends the session.
func (c *call) logoutPage() {
	c.noCache()
	if c.r.Method != http.MethodPost {
		c.methodNotAllowed()
		return
	}
	var protection http.CrossOriginProtection
	if protection.Check(c.r) != nil {
		c.page(http.StatusForbidden, "Not allowed (403)", errCSRF.message+".")
		return
	}
	http.SetCookie(c.w, c.cookie("", -time.Second))
	c.redirect(http.StatusSeeOther, "/login/")
}
