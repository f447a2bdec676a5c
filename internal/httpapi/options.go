package httpapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/events"
	"github.com/realmport/realmport/internal/exports"
)

// Options say what an API serves, and in which dialect. Exports, Events, Log and Hosts.ExternalHost are needed; zero
// values of the others take the defaults.
type Options struct {
	Exports *exports.Service
	Events  *events.Hub
	Log     *slog.Logger
	Hosts   Hosts
	Clock   events.Clock // events.System

	// FeatureLevel is announced, and chooses the dialect: from 449 on export types are strings, from 499 on exports have the
	// key export_from_prior_server (api.md §8). 372 is the default.
	FeatureLevel int
	// ZulipVersion and MergeBase are announced.
	ZulipVersion, MergeBase string
	// RootLandingPage says that the root domain has no organization to tell of, only a page (api.md §3.4).
	RootLandingPage bool
	// NotificationBot is the id of the sender of direct messages; 0 if it is not known.
	NotificationBot int64

	// RateLimit bounds the calls of a user who has no limit of their own, as Zulip writes it; "60:200" is the default.
	RateLimit string
	// MaxBody is the most bytes that a request may have; 25 MiB is the default.
	MaxBody int64
	// PlainRefusals leaves the details of a reached limit out, as the reference does.
	PlainRefusals bool

	Download Download
	// Link returns an address from which an archive can be fetched, by the path in its row; it may be nil. Then the API
	// serves archives itself, and Download holds.
	Link func(path string) (link string, ok bool)
	// Login lets people log in with a form, for downloads and progress in a browser. Nil for no such form.
	Login *Login
	// ClientIP finds out where a request comes from; by default from its connection.
	ClientIP func(*http.Request) string
	// Health says what is wrong; nil if nothing is. It may be nil itself.
	Health func(context.Context) error
}

// Download says who may download archives. The zero Download lets everybody who knows the secret path, as Zulip does.
type Download struct {
	// RequireLogin lets only the administrators of the organization.
	RequireLogin bool
	// TTL is how long a link from a list of exports can be used; 0 for ever. Key signs such links, with at least 32 bytes.
	TTL time.Duration
	Key []byte
}

// Login makes sessions. Key signs them, with at least 32 bytes.
type Login struct {
	Key []byte
	// Home is the path that a login leads to unless another was asked for; "/" is the default.
	Home string
}

const (
	defaultFeatureLevel = 372
	defaultMaxBody      = 25 << 20
	visibleAddresses    = 430 // feature level
	stringTypes         = 449 // feature level
	priorServer         = 499 // feature level
	minKey              = 32  // bytes
)

// complete checks the options and fills in the defaults.
func (o *Options) complete() error {
	if o.Exports == nil || o.Events == nil || o.Log == nil {
		return realmport.Errorf(realmport.Internal, "an API needs exports, events and a log")
	}
	return o.completeWire()
}

// completeWire does so for what exports look like in answers and events.
func (o *Options) completeWire() error {
	if o.Hosts.Scheme == "" {
		o.Hosts.Scheme = "https"
	}
	if err := o.Hosts.validate(); err != nil {
		return err
	}
	if o.Clock == nil {
		o.Clock = events.System{}
	}
	if o.FeatureLevel == 0 {
		o.FeatureLevel = defaultFeatureLevel
	}
	if o.RateLimit == "" {
		o.RateLimit = "60:200"
	}
	if o.MaxBody == 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.ClientIP == nil {
		o.ClientIP = func(r *http.Request) string {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			return host
		}
	}
	if o.Download.TTL < 0 || o.Download.TTL > 0 && len(o.Download.Key) < minKey {
		return realmport.Errorf(realmport.Invalid, "links that expire need a time above zero and a key of %d bytes or more", minKey)
	}
	if o.Login != nil {
		login := *o.Login
		if len(login.Key) < minKey {
			return realmport.Errorf(realmport.Invalid, "sessions need a key of %d bytes or more", minKey)
		}
		if login.Home == "" {
			login.Home = "/"
		}
		o.Login = &login
	}
	return nil
}
