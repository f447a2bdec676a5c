package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
)

// API answers requests. It is an http.Handler, safe for concurrent use.
type API struct {
	o       Options
	wire    wire
	limits  *limiter // of calls, by user
	polls   *limiter // of calls for events, by user
	logins  *limiter // of attempts, by address
	routes  []*route
	openAPI []byte // as JSON

	large chan struct{} // holds a place for each large body that is being read

	once   sync.Once
	closed chan struct{}
	// mu guards streams: how many each user reads.
	mu      sync.Mutex
	streams map[int64]int
}

var _ http.Handler = (*API)(nil)

// New returns an API. It fails with Invalid if the options cannot be meant.
func New(o Options) (*API, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	rules, err := ParseRateRules(o.RateLimit)
	if err != nil {
		return nil, err
	}
	described, err := openAPIAsJSON()
	if err != nil {
		return nil, err
	}
	return &API{
		o: o, wire: wire{&o}, routes: routes(o.Login != nil), openAPI: described,
		limits: newLimiter(o.Clock.Now, rules, slidingLog),
		polls:  newLimiter(o.Clock.Now, rules, leakyBucket),
		logins: newLimiter(o.Clock.Now, RateRules{{Window: time.Minute, Calls: loginsPerMinute}}, slidingLog),
		large:  make(chan struct{}, largeBodies),
		closed: make(chan struct{}), streams: map[int64]int{},
	}, nil
}

// Close ends all long requests but downloads: readers of events and of progress get what there is. It is called before the server is
// shut down.
func (a *API) Close() {
	a.o.Events.Close()
	a.once.Do(func() { close(a.closed) })
}

// call is one request with what is known of it so far.
type call struct {
	api   *API
	w     *writer
	r     *http.Request
	route *route
	args  []string // the variable parts of the path
	params

	stringID string           // of the organization that the host stands for; "" for the root
	user     *realmport.User  // who asks; nil before the login
	realm    *realmport.Realm // the user's
}

func (c *call) ctx() context.Context           { return c.r.Context() }
func (c *call) directory() realmport.Directory { return c.api.o.Exports.Directory }
func (c *call) now() time.Time                 { return c.api.o.Clock.Now() }
func (c *call) extension() bool                { return strings.HasPrefix(c.route.name, "/realmport/") }

// writer knows whether an answer was begun.
type writer struct {
	http.ResponseWriter
	begun bool
}

func (w *writer) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// writeTime is how long a client may take for the next piece of an answer. The whole may take as long as it needs, whatever the
// server's own limits are.
const writeTime = time.Minute

// bodyTime is how long a client may take to send a request's body.
const bodyTime = time.Minute

func (c *call) extendWriting() {
	_ = http.NewResponseController(c.w).SetWriteDeadline(clock.Now().Add(writeTime)) // not every connection has one
}

// readForever lifts the server's limit on the time of a request, for one that takes long: it would end the request's context.
func (c *call) readForever() {
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Time{}) // not every connection has one
}

// ServeHTTP answers a request, in the documented order of checks (api.md §1.1).
func (a *API) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	c := &call{api: a, w: &writer{ResponseWriter: rw}, r: r, route: &notFound}
	_ = http.NewResponseController(rw).SetReadDeadline(clock.Now().Add(bodyTime)) // not every connection has one
	defer c.rescue()
	c.extendWriting() // the deadline of the connection's last answer may be over
	path := collapse(r.URL.Path)
	c.commonHeaders(path)
	if r.ContentLength > a.o.MaxBody {
		c.tooLarge()
		return
	}
	var ok bool
	if c.stringID, ok = a.o.Hosts.Resolve(r.Host); !ok {
		c.badRequest("This server does not answer for the host name that was asked for.")
		return
	}
	if c.route, c.args = a.find(path); c.route == &notFound {
		c.page(http.StatusNotFound, "Page not found (404)", "There is nothing at this address.")
		return
	}
	c.route.serve(c)
}

// collapse makes doubled slashes single, as the reference's front proxy does (api.md §3.2).
func collapse(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// rescue answers a request whose handler panicked.
func (c *call) rescue() {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	c.api.o.Log.Error("request handler crashed", "method", c.r.Method, "route", c.route.name, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	if c.w.begun {
		panic(http.ErrAbortHandler) // so that the client does not take half an answer for a whole one
	}
	for _, name := range []string{"Cache-Control", "Expires", "Content-Encoding", "ETag"} {
		c.w.Header().Del(name)
	}
	c.fail(internalError)
}

// unauthenticatedBody is how much of a body is read of somebody who is not logged in.
const unauthenticatedBody = 64 << 10

// largeBodies is how many larger ones are read at a time: they are held in memory.
const largeBodies = 2

// errTooLarge says that the body is larger than it may be.
var errTooLarge = errors.New("the request's body is too large")

// readParams reads the query and the form of the request. Who sends a large one must be logged in.
func (c *call) readParams() error {
	var err error
	if c.query, err = parseQuery(c.r.URL.RawQuery); err != nil {
		return err
	}
	switch c.r.Method {
	case http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete:
	default:
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(c.r.Body, unauthenticatedBody))
	if err != nil {
		return errBadRequest
	}
	if len(body) == unauthenticatedBody {
		if err := c.login(); err != nil {
			return err
		}
		select {
		case c.api.large <- struct{}{}:
			defer func() { <-c.api.large }()
		default:
			return errTooLarge // nothing that is asked for here needs one
		}
		// The server's own writer, so that it closes the connection of who sends too much.
		rest, err := io.ReadAll(http.MaxBytesReader(c.w.ResponseWriter, c.r.Body, c.api.o.MaxBody-int64(len(body))))
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return errTooLarge
		}
		if err != nil {
			return errBadRequest
		}
		body = append(body, rest...)
	}
	c.form, err = parseForm(c.r.Header.Get("Content-Type"), body)
	return err
}
