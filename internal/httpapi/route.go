package httpapi

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// route is one path with its methods.
type route struct {
	// name is the path as openapi.yaml has it.
	name string
	// pattern matches the whole path; its groups are the arguments.
	pattern *regexp.Regexp
	// methods in the order in which a 405 lists them, with HEAD where GET is.
	methods []string
	// serve answers, whatever the method.
	serve func(*call)
}

// notFound stands for all paths that there are not.
var notFound = route{name: "-"}

// handlers are what a route does, by method; HEAD is done as GET.
type handlers map[string]func(*call) error

// rules are what is common to the handlers of a route.
type rules struct {
	admin bool // for administrators only
	poll  bool // limited as calls for events
	// session lets a browser session stand for the header Authorization.
	session bool
}

func pattern(path string) *regexp.Regexp {
	path = strings.ReplaceAll(regexp.QuoteMeta(path), `\{id\}`, `([0-9]+)`)
	return regexp.MustCompile("^" + path + "$")
}

// rest is a route that answers as Zulip's do.
func rest(path string, methods []string, r rules, do handlers) *route {
	return &route{name: path, pattern: pattern(path), methods: methods, serve: func(c *call) { c.rest(r, do) }}
}

// plain is a route that needs no login and has no conventions but GET and HEAD.
func plain(path string, do func(*call) error) *route {
	return &route{name: path, pattern: pattern(path), methods: reading, serve: func(c *call) {
		if !slices.Contains(reading, c.r.Method) {
			c.w.Header().Set("Allow", "GET, HEAD")
			c.write(http.StatusMethodNotAllowed, htmlType, nil)
			return
		}
		if err := do(c); err != nil {
			c.fail(err)
		}
	}}
}

// special is a route with rules of its own.
func special(path string, methods []string, serve func(*call)) *route {
	return &route{name: path, pattern: pattern(path), methods: methods, serve: serve}
}

var reading = []string{http.MethodGet, http.MethodHead}

// find returns the route of a path with the path's arguments.
func (a *API) find(path string) (*route, []string) {
	for _, r := range a.routes {
		if m := r.pattern.FindStringSubmatch(path); m != nil {
			return r, m[1:]
		}
	}
	return &notFound, nil
}

// rest answers a request in the documented order of checks (api.md §1.1), from the method on.
func (c *call) rest(r rules, do handlers) {
	if c.r.Method == http.MethodOptions {
		c.noCache()
		c.w.Header().Set("Allow", strings.Join(slices.Sorted(slices.Values(c.route.methods)), ", "))
		c.write(http.StatusNoContent, htmlType, nil) // net/http leaves out the reference's Content-Length: 0, as RFC 9110 demands
		return
	}
	if err := c.readParams(); err != nil {
		c.failForm(err)
		return
	}
	method := c.r.Method
	if override, ok := c.form["method"]; ok && method == http.MethodPost {
		method = override
	}
	if !slices.Contains(c.route.methods, method) {
		c.methodNotAllowed()
		return
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	err := c.enter(r)
	if err == nil {
		err = do[method](c)
	}
	// On a Zulip server the page for logging in is Zulip's, whose sessions mean nothing here: what is not Zulip's is asked for by browsers.
	if errors.Is(err, errNoLogin) && prefersHTML(c.r) && (c.api.o.Login != nil || !c.extension()) {
		c.toLogin()
		return
	}
	if err != nil {
		c.fail(err)
	}
}

// enter logs in, counts the call, and checks the role.
func (c *call) enter(r rules) error {
	if c.user == nil {
		if err := c.identify(r.session); err != nil {
			return err
		}
	}
	limits := c.api.limits
	if r.poll {
		limits = c.api.polls
	}
	if err := c.limited(limits); err != nil {
		return err
	}
	if r.admin && !c.user.Role.Administers() {
		return errNoAdmin
	}
	return nil
}

// failForm answers to a form that cannot be read.
func (c *call) failForm(err error) {
	switch {
	case errors.Is(err, errTooLarge):
		c.tooLarge()
	case errors.Is(err, errBadRequest):
		c.badRequest("The form in this request cannot be read.")
	default:
		c.fail(err)
	}
}

func (c *call) methodNotAllowed() {
	c.noCache()
	c.w.Header().Set("Allow", strings.Join(c.route.methods, ", "))
	body := jsonObject(field{"result", "error"}, field{"msg", "Method Not Allowed"}, field{"allowed_methods", c.route.methods})
	c.write(http.StatusMethodNotAllowed, htmlType, body)
}

// id is the number in the path. One that no export can have is -1.
func (c *call) id() int64 {
	n, err := strconv.ParseInt(c.args[0], 10, 64)
	if err != nil {
		return -1
	}
	return n
}
