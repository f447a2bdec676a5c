package demo

import (
	"context"
	"errors"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/demo/script"
)

// What the demo organization is like where its options do not say.
const (
	DefaultMessages = 3000
	// OrganizationRealm is its id.
	OrganizationRealm int64 = 2

	organizationStringID = "demo"
	organizationName     = "Hedgerow"
	issueAddress         = "https://issues.hedgerow.example/{id}"
)

// LeastMessages is how few messages a demo organization may have: those that are written by hand.
func LeastMessages() int {
	talk, err := script.Talk()
	if err != nil {
		return 0 // LoadOrganization tells what is wrong
	}
	return lines(talk)
}

// lines counts the lines of conversations.
func lines(talk []script.Conversation) int {
	n := 0
	for _, c := range talk {
		n += len(c.Lines)
	}
	return n
}

// OrganizationOptions say what the demo organization shall be like. Only Secret is needed.
type OrganizationOptions struct {
	// Secret is what API keys are derived from: whoever has it can work them out.
	Secret []byte
	// Messages is how many there are; 0 means DefaultMessages. The number of people and channels grows with its square root.
	Messages int
	// Now is when the history, of about a year, has just ended; zero means a time that is always the same.
	Now time.Time
	// StringID and Name of the organization; "" for demo and Hedgerow.
	StringID, Name string
	// ExternalHost is the server's, for the addresses that it makes up; "" means ExternalHost.
	ExternalHost string
	// AvatarSalt names the avatars' files; "" means AvatarSalt.
	AvatarSalt string
	// UploadsDir is where the files are made, in the shape of a server's upload folder; "" for none.
	UploadsDir string
}

// Organization is what was made.
type Organization struct {
	RealmID        int64
	StringID, Name string
	// Three of the people: an owner and an administrator, who may ask for exports, and a member who may not.
	Owner, Administrator, Member Account
	// People and bots, without those of the system.
	Users, Channels                                int
	Messages, UserMessages, Reactions, Attachments int64
}

// Account is how somebody logs in to the API.
type Account struct {
	UserID                  int64
	Email, APIKey, FullName string
}

// LoadOrganization fills an empty embedded store with the demo organization: some forty people who make a map of small paths, with
// the conversations of a year. The same options make the same rows and the same files. Rows are made one after another and not
// kept, so that memory does not grow with the number of messages. The caller commits; if there is an error, files may be left.
func LoadOrganization(ctx context.Context, l realmport.Loader, opts OrganizationOptions) (*Organization, error) {
	return makeOrganization(ctx, opts, func(fill func(sink) error) error { return embed(ctx, l, fill) })
}

// CreateOrganization makes the same in a PostgreSQL database that has no schema zulip yet.
func CreateOrganization(ctx context.Context, dsn string, opts OrganizationOptions) (*Organization, error) {
	return makeOrganization(ctx, opts, func(fill func(sink) error) error { return build(ctx, dsn, fill) })
}

func makeOrganization(ctx context.Context, opts OrganizationOptions, into func(fill func(sink) error) error) (*Organization, error) {
	o, err := newOrganization(ctx, opts.withDefaults())
	if err != nil {
		return nil, err
	}
	if o.files, err = openFolder(o.opts.UploadsDir, o.opts.Now); err != nil {
		return nil, err
	}
	if err := errors.Join(into(o.load), o.files.close()); err != nil {
		return nil, err
	}
	return o.done(), nil
}

// withDefaults fills in what was left out.
func (opts OrganizationOptions) withDefaults() OrganizationOptions {
	set := func(text *string, value string) {
		if *text == "" {
			*text = value
		}
	}
	set(&opts.StringID, organizationStringID)
	set(&opts.Name, organizationName)
	set(&opts.ExternalHost, ExternalHost)
	set(&opts.AvatarSalt, AvatarSalt)
	if opts.Messages == 0 {
		opts.Messages = DefaultMessages
	}
	if opts.Now.IsZero() {
		opts.Now = time.Date(2025, time.November, 14, 8, 0, 0, 0, time.UTC)
	}
	return opts
}

// organization is the demo organization while it is made.
type organization struct {
	*history
	ctx       context.Context //nolint:containedctx // lives as long as one call of LoadOrganization
	files     *folder
	lastOfDay []int64       // the last message up to the end of each day
	uploaded  map[int]int64 // bytes by the number of the day
	result    Organization
}

func newOrganization(ctx context.Context, opts OrganizationOptions) (*organization, error) {
	if len(opts.Secret) == 0 {
		return nil, realmport.Errorf(realmport.Invalid, "the demo organization needs a secret, of which its API keys are made")
	}
	talk, err := script.Talk()
	if err != nil {
		return nil, err
	}
	small, words, err := script.SmallTalk()
	if err != nil {
		return nil, err
	}
	if least := lines(talk); opts.Messages < least {
		return nil, realmport.Errorf(realmport.Invalid, "the demo organization cannot have %d messages: it has %d at least", opts.Messages, least)
	}
	o := &organization{ctx: ctx, uploaded: map[int]int64{}}
	o.history = newHistory(newTeam(opts, talk), talk, small, words)
	return o, nil
}

// load loads all tables.
func (o *organization) load(s sink) error {
	return firstError(
		o.look,
		func() error { return o.loadAttachments(s) },
		func() error { return o.loadMessages(s) },
		func() error { return o.loadUserMessages(s) },
		func() error { return o.loadReactions(s) },
		func() error { return o.loadAnalytics(s) },
		func() error { return o.loadRows(s) },
		o.writePictures,
	)
}

// done returns what was made.
func (o *organization) done() *Organization {
	r := &o.result
	r.RealmID, r.StringID, r.Name = OrganizationRealm, o.opts.StringID, o.opts.Name
	r.Owner, r.Administrator, r.Member = o.account("nora"), o.account("priya"), o.account("maya")
	r.Users, r.Channels = len(o.members), len(o.channels)
	return r
}

func (o *organization) account(key string) Account {
	m := o.byKey[key]
	return Account{UserID: m.id, Email: m.email, APIKey: apiKey(o.opts.Secret, m.id), FullName: m.name}
}

// loadRows loads what does not hang on messages.
func (o *organization) loadRows(s sink) error {
	rows, err := o.rows()
	if err != nil {
		return err
	}
	return load(s, rows)
}

// look goes through the messages for what other rows say about them.
func (o *organization) look() error {
	o.lastOfDay = make([]int64, len(o.days))
	r := o.read()
	for p := r.next(); p != nil; p = r.next() {
		if p.id%1024 == 0 && o.ctx.Err() != nil {
			return o.ctx.Err()
		}
		if p.to != nil && p.to.first == 0 {
			p.to.first = p.id
		}
		p.from.lastPost, p.from.lastSeen = p.id, p.at
		o.lastOfDay[min(o.number(p.at), len(o.days)-1)] = p.id
	}
	for i := 1; i < len(o.days); i++ {
		o.lastOfDay[i] = max(o.lastOfDay[i], o.lastOfDay[i-1])
	}
	o.result.Messages = r.last
	return nil
}
