package export

import (
	"context"
	"slices"
	"strings"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/catalog"
	"github.com/realmport/realmport/internal/encode"
	"github.com/realmport/realmport/internal/idset"
)

// Facts of Zulip's tables that selection needs (demo-organization.md §3).
const (
	roleOwner          = 100
	visibilityNobody   = 4
	avatarFromGravatar = "G"
	recipientPersonal  = 1
	recipientStream    = 2
	recipientGroup     = 3
	systemRealm        = "zulipinternal"
	systemBotCount     = 3
)

// systemBots are the bots that every organization shares. They live in a realm of their own, and on
// very old servers in an ordinary one.
func systemBots() []string {
	return []string{"notification-bot@zulip.com", "emailgateway@zulip.com", "welcome-bot@zulip.com"}
}

// user is what selection needs of a user; one per user of the realm is kept.
type user struct {
	email      string
	owner      int64
	role       int16
	visibility int16
	version    int32 // of the avatar
	uploaded   bool  // has an avatar of their own
	bot        bool
	active     bool
	dummy      bool // is a mirror dummy in the source
	allows     bool // lets private data be exported
}

// systemBot is a row of zerver_userprofile_crossrealm.
type systemBot struct {
	email         string
	id, recipient int64
}

// selection is who and what an export holds.
type selection struct {
	users map[int64]user
	bots  []systemBot

	inRealm    *idset.Set // users of the realm, with system bots that live in it
	all        *idset.Set // without those: users that the archive has
	consenting *idset.Set // format.md §2.2; in a full export everybody
	exposed    *idset.Set // whose private data may be written
	normal     *idset.Set // written to zerver_userprofile
	senders    *idset.Set // whose messages may be written
	groups     *idset.Set
	named      *idset.Set
	streams    *idset.Set
	recipients *idset.Set // written to zerver_recipient
	huddles    *idset.Set // group direct messages, by id
	// conversations are the recipients that are no channels.
	conversations *idset.Set
	rules         []rule

	messages *idset.Set
	clients  *idset.Set
}

func (r *run) findRealm(ctx context.Context) error {
	q := realmport.Query{Table: "zerver_realm", Columns: []string{"id", "string_id", "name", "date_created"}, OrderBy: "id"}
	var names []string
	found := false
	err := r.snap.Read(ctx, q, func(row realmport.Row) error {
		id, err := encode.Int(row[0])
		if err != nil {
			return err
		}
		if string(row[1]) != r.Realm {
			names = append(names, strings.ToValidUTF8(string(row[1]), "?"))
			return nil
		}
		found = true
		micros, err := encode.MicrosUnix(row[3])
		r.realm = realmport.Realm{ID: id, StringID: r.Realm, Name: string(row[2]), Created: unixMicro(micros)}
		return err
	})
	if err != nil || found {
		return err
	}
	names = slices.DeleteFunc(names, func(s string) bool { return s == systemRealm })
	if len(names) > 10 {
		names = append(names[:10], "…")
	}
	return realmport.Errorf(realmport.NotFound, "no organization %q on this server; it has: %q", r.Realm, names)
}

// selectUsers reads the users of the realm and works out who consents and who stays an account.
func (r *run) selectUsers(ctx context.Context) error {
	s := &selection{
		users: map[int64]user{}, inRealm: idset.New(), conversations: idset.New(),
		all: idset.New(), consenting: idset.New(), exposed: idset.New(), normal: idset.New(),
		messages: idset.New(), clients: idset.New(),
		recipients: idset.New(), huddles: idset.New(),
	}
	r.sel = s
	if err := r.readUsers(ctx); err != nil {
		return err
	}
	s.consent(r.Type)
	for id, u := range s.users {
		if s.all.Has(id) && !r.becomesDummy(id, u) {
			s.normal.Add(id)
		}
	}
	if err := r.findSystemBots(ctx); err != nil {
		return err
	}
	s.senders = idset.Union(s.all)
	for _, b := range s.bots {
		s.senders.Add(b.id)
	}
	r.seed = newSeed(r.realm, r.Type)
	if r.Name == "" {
		r.Name = r.seed.name()
	}
	return nil
}

func (r *run) readUsers(ctx context.Context) error {
	const allows = "allow_private_data_export"
	columns := []string{"id", "email", "bot_owner_id", "role", "email_address_visibility", "avatar_version", "avatar_source", "is_bot", "is_active", "is_mirror_dummy"}
	hasConsent := r.tables[catalog.Users].at[allows] > 0
	if hasConsent {
		columns = append(columns, allows)
	} else if r.Type == realmport.Standard {
		return realmport.Errorf(realmport.Unsupported, "this server is older than consent to exports (Zulip 10), so it has no standard export: "+
			"choose --type public or full")
	}
	q := realmport.Query{Table: catalog.Users, Columns: columns, Where: []realmport.Cond{realmport.Equal{Column: "realm_id", Value: r.realm.ID}}}
	return r.snap.Read(ctx, q, func(row realmport.Row) error {
		var n [6]int64
		for i, at := range []int{0, 2, 3, 4, 5} {
			if row[at] == nil {
				continue
			}
			v, err := encode.Int(row[at])
			if err != nil {
				return err
			}
			n[i] = v
		}
		u := user{
			email: string(row[1]), owner: n[1], role: int16(n[2]), visibility: int16(n[3]), version: int32(n[4]),
			uploaded: string(row[6]) != avatarFromGravatar, bot: isTrue(row[7]), active: isTrue(row[8]), dummy: isTrue(row[9]),
			allows: hasConsent && isTrue(row[len(row)-1]),
		}
		r.sel.users[n[0]] = u
		r.sel.inRealm.Add(n[0])
		if !slices.Contains(systemBots(), u.email) {
			r.sel.all.Add(n[0])
		}
		return nil
	})
}

// consent works out whose private data the export holds (format.md §2.2).
func (s *selection) consent(t realmport.ExportType) {
	for id, u := range s.users {
		owner, owned := s.users[u.owner]
		switch {
		case t == realmport.Full && s.all.Has(id), t == realmport.Standard && (u.dummy || u.allows || u.bot && owned && owner.allows && !owner.bot):
			s.consenting.Add(id)
		}
	}
	s.exposed = idset.Intersect(s.consenting, s.all)
}

// becomesDummy tells whether the user is written as a mirror dummy: an account that its person
// can take over again by signing up (format.md §2.3).
func (r *run) becomesDummy(id int64, u user) bool {
	switch {
	case u.dummy:
		return true
	case r.Type == realmport.Public:
		return u.visibility == visibilityNobody
	default:
		return u.active && !r.sel.consenting.Has(id)
	}
}

// findSystemBots looks up the shared bots.
func (r *run) findSystemBots(ctx context.Context) error {
	if r.realm.StringID == systemRealm {
		return nil
	}
	realm := int64(-1)
	q := realmport.Query{Table: "zerver_realm", Columns: []string{"id"}, Where: []realmport.Cond{realmport.Equal{Column: "string_id", Value: systemRealm}}}
	if err := r.readIDs(ctx, q, func(id int64) { realm = id }); err != nil {
		return err
	}
	for _, email := range systemBots() {
		bot := systemBot{email: email}
		q := realmport.Query{Table: catalog.Users, Columns: []string{"id"}, Where: []realmport.Cond{
			realmport.Equal{Column: "realm_id", Value: realm}, realmport.Equal{Column: "email", Value: email},
		}}
		if err := r.readIDs(ctx, q, func(id int64) { bot.id = id }); err != nil {
			return err
		}
		q = realmport.Query{Table: "zerver_recipient", Columns: []string{"id"}, Where: []realmport.Cond{
			realmport.Equal{Column: "type", Value: int64(recipientPersonal)}, realmport.Equal{Column: "type_id", Value: bot.id},
		}}
		if err := r.readIDs(ctx, q, func(id int64) { bot.recipient = id }); err != nil {
			return err
		}
		if bot.id == 0 || bot.recipient == 0 {
			if !r.AllowUnusable {
				return realmport.Errorf(realmport.Unsupported, "the system bot %s is not in organization %s, or has no recipient, so its messages "+
					"would be lost: repair the server, or give --allow-unusable to export without them", email, systemRealm)
			}
			r.warn("the system bot " + email + " is not in organization " + systemRealm + ": its messages are left out")
			continue
		}
		r.sel.bots = append(r.sel.bots, bot)
	}
	slices.SortFunc(r.sel.bots, func(a, b systemBot) int { return int(a.id - b.id) })
	return nil
}

// checkUsable refuses an export with which nobody could take over the organization (format.md §2.2).
func (r *run) checkUsable() error {
	if r.AllowUnusable || r.Type == realmport.Full {
		return nil
	}
	for id, u := range r.sel.users {
		if u.role != roleOwner {
			continue
		}
		if r.Type == realmport.Standard && r.sel.consenting.Has(id) || r.Type == realmport.Public && u.visibility != visibilityNobody {
			return nil
		}
	}
	if r.Type == realmport.Standard {
		return realmport.Errorf(realmport.NotAllowed, "no owner of organization %q lets their private data be exported, so nobody could "+
			"administer it after an import: ask an owner to allow it in their privacy settings, or give --allow-unusable", r.Realm)
	}
	return realmport.Errorf(realmport.NotAllowed, "every owner of organization %q hides their e-mail address from everybody, so nobody could "+
		"log in as an owner after an import: ask an owner to let administrators see it, or give --allow-unusable", r.Realm)
}

// readIDs reads the one integer column of a query; null is 0.
func (r *run) readIDs(ctx context.Context, q realmport.Query, fn func(int64)) error {
	return r.snap.Read(ctx, q, func(row realmport.Row) error {
		if row[0] == nil {
			fn(0)
			return nil
		}
		id, err := encode.Int(row[0])
		if err == nil {
			fn(id)
		}
		return err
	})
}

func isTrue(v []byte) bool { return len(v) == 1 && v[0] == 1 }

// email is a user's address as the organization sees it; also a system bot's.
func (s *selection) email(id int64) string {
	for _, b := range s.bots {
		if b.id == id {
			return b.email
		}
	}
	return s.users[id].email
}
