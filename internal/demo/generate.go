package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/realmport/realmport"
)

// Size says how much Generate makes, counted over the whole server: its organizations share
// the rows evenly, and the ids of users, channels, messages and what hangs on messages
// alternate between them.
type Size struct {
	Realms       int // organizations; 0 means 1
	Users        int // at least three for each organization
	Streams      int // channels; at least one for each organization
	Messages     int
	UserMessages int
	Reactions    int // at most eight for each message
	Attachments  int // at most one for each message
	AuditRows    int // of the kinds that exports tell apart
	// UploadsDir is where the attachments' files are made, in the shape of a server's
	// upload folder; "" for none.
	UploadsDir string
}

// GeneratedRealm returns the string_id of the n-th generated organization, from 0. The first is
// RulesStringID.
func GeneratedRealm(n int) string {
	if n == 0 {
		return RulesStringID
	}
	return fmt.Sprintf("%s%d", RulesStringID, n+1)
}

// GeneratedRealmID returns the id of the n-th generated organization, from 0.
func GeneratedRealmID(n int) int64 { return SystemRealm + 1 + int64(n) }

// Generate makes a database of that size in one that has no schema zulip yet: the
// same rows and files each time. Seven messages in ten are in channels of all kinds, two are to
// one user, one to a group of three; a user in three consents to the export of private data.
//
// A Size that cannot be is an error that names all reasons, and nothing is made.
func Generate(ctx context.Context, dsn string, size Size) error {
	size.Realms = max(size.Realms, 1)
	g, err := newGenerator(size)
	if err != nil {
		return fmt.Errorf("generate demo database: %w", err)
	}
	if err := build(ctx, dsn, g.load); err != nil {
		return err
	}
	return g.writeUploads(ctx, size.UploadsDir)
}

// LoadGenerated is Generate for an empty embedded store. The caller commits.
func LoadGenerated(ctx context.Context, l realmport.Loader, size Size) error {
	size.Realms = max(size.Realms, 1)
	g, err := newGenerator(size)
	if err != nil {
		return fmt.Errorf("generate demo database: %w", err)
	}
	if err := embed(ctx, l, g.load); err != nil {
		return err
	}
	return g.writeUploads(ctx, size.UploadsDir)
}

// load loads all tables.
func (g *generator) load(s sink) error {
	return firstError(
		func() error { return load(s, g.organizations()) },
		func() error { return g.loadMessages(s) },
		func() error { return g.loadUserMessages(s) },
		func() error { return g.loadReactions(s) },
		func() error { return g.loadAttachments(s) },
		func() error { return g.loadAudit(s) },
	)
}

// generator knows what each row of a generated database is from its number alone.
type generator struct {
	Size
	users, streams int // of each organization
	inChannels     int // how many messages are in channels
	toChannels     int // how many usermessages those have
}

// receiversOf says how many users receive a direct message and one to a group.
const (
	directReceivers = 2
	groupReceivers  = 3
)

func newGenerator(s Size) (*generator, error) {
	g := &generator{Size: s, users: s.Users / s.Realms, streams: s.Streams / s.Realms}
	g.toChannels = s.UserMessages
	for i := range s.Messages {
		switch g.kind(i) {
		case toUser:
			g.toChannels -= directReceivers
		case toGroup:
			g.toChannels -= groupReceivers
		default:
			g.inChannels++
		}
	}
	var errs []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	require(g.users >= groupReceivers, "users: %d are less than %d for each of %d organizations", s.Users, groupReceivers, s.Realms)
	require(g.streams >= 1, "streams: %d are less than one for each of %d organizations", s.Streams, s.Realms)
	require(g.toChannels >= 0, "user messages: %d are not enough for the direct messages among %d", s.UserMessages, s.Messages)
	require(g.toChannels <= g.inChannels*g.users, "user messages: %d are more than %d users can receive", s.UserMessages, g.users)
	require(s.Reactions <= s.Messages*reactionCodes, "reactions: %d are more than %d for each of %d messages", s.Reactions, reactionCodes, s.Messages)
	require(s.Attachments <= s.Messages, "attachments: %d are more than %d messages", s.Attachments, s.Messages)
	return g, errors.Join(errs...)
}

// kind is where a message goes.
type kind int

const (
	toChannel kind = iota
	toUser
	toGroup
)

// kind returns where the i-th message of the server goes.
func (g *generator) kind(i int) kind {
	switch i / g.Realms % 10 {
	case 3, 7:
		return toUser
	case 9:
		return toGroup
	default:
		return toChannel
	}
}

// channelMessagesBefore counts the messages in channels among the first i.
func (g *generator) channelMessagesBefore(i int) int {
	round := 10 * g.Realms
	n := i / round * 7 * g.Realms
	rest := i % round
	full, part := rest/g.Realms, rest%g.Realms // full slots of one message for each realm
	for slot := range full {
		if g.kind(slot*g.Realms) == toChannel {
			n += g.Realms
		}
	}
	if part > 0 && g.kind(full*g.Realms) == toChannel {
		n += part
	}
	return n
}

// messageRow is the i-th message of the server.
type messageRow struct {
	kind      kind
	realm     int // from 0
	sender    int // of the realm's users, from 0
	recipient int64
	first     int // the first of the users who receive it, the others following
	receivers int
	before    int // usermessages of the messages before
}

// id numbers of generated rows. Users and channels alternate between the organizations.
const firstUser = 100

func (g *generator) userID(realm, n int) int64 { return firstUser + int64(n*g.Realms+realm) }

func (g *generator) streamID(realm, n int) int64 { return 1 + int64(n*g.Realms+realm) }

// Recipients: the system bots' first, then channels, groups, users.
const firstRecipient = 10

func (g *generator) streamRecipient(realm, n int) int64 {
	return firstRecipient + g.streamID(realm, n)
}

func (g *generator) groupID(realm, n int) int64 { return 1 + int64(n*g.Realms+realm) }

// groups returns how many groups of users each organization has.
func (g *generator) groups() int { return min(max(g.users/4, 1), g.users-groupReceivers+1) }

func (g *generator) groupRecipient(realm, n int) int64 {
	return g.streamRecipient(0, g.streams) + g.groupID(realm, n)
}

func (g *generator) userRecipient(realm, n int) int64 {
	return g.groupRecipient(0, g.groups()) + g.userID(realm, n)
}

// subscribers returns how many users each channel has: enough for the message that most receive.
func (g *generator) subscribers() int {
	if g.inChannels == 0 {
		return min(g.users, groupReceivers)
	}
	return max(1, min(g.users, (g.toChannels+g.inChannels-1)/g.inChannels))
}

// firstSubscriber returns the first of a channel's subscribers, who follow one another.
func (g *generator) firstSubscriber(stream int) int { return stream * 7 % g.users }

// message returns the i-th message of the server, from 0.
func (g *generator) message(i int) messageRow {
	nth := i / g.Realms // of its organization
	h := scramble(uint64(i))
	m := messageRow{kind: g.kind(i), realm: i % g.Realms}
	ordinal := g.channelMessagesBefore(i)
	share := func(n int) int { // of the first n messages in channels
		if g.inChannels == 0 {
			return 0
		}
		return n * g.toChannels / g.inChannels
	}
	m.before = share(ordinal) + g.directBefore(i)
	switch m.kind {
	case toChannel:
		// A quarter of the messages is in the first channel, and so on.
		stream := 0
		for ; stream < g.streams-1 && h>>(2*uint(stream)%64)&3 != 0; stream++ {
		}
		m.recipient = g.streamRecipient(m.realm, stream)
		m.first, m.receivers = g.firstSubscriber(stream), share(ordinal+1)-share(ordinal)
		m.sender = (m.first + int(h>>32%uint64(max(m.receivers, 1)))) % g.users
	case toUser:
		m.sender, m.receivers = int(h>>32%uint64(g.users)), directReceivers
		m.first = m.sender
		m.recipient = g.userRecipient(m.realm, (m.sender+1)%g.users)
	case toGroup:
		group := nth % g.groups()
		m.recipient = g.groupRecipient(m.realm, group)
		m.first, m.receivers = group, groupReceivers
		m.sender = group + int(h>>32%groupReceivers)
	}
	return m
}

// directBefore counts the usermessages of direct messages among the first i messages.
func (g *generator) directBefore(i int) int {
	direct := i - g.channelMessagesBefore(i)
	round := 10 * g.Realms
	groups := i/round*g.Realms + max(0, i%round-9*g.Realms)
	return (direct-groups)*directReceivers + groups*groupReceivers
}

// receiver returns the n-th user who receives a message.
func (g *generator) receiver(m messageRow, n int) int64 {
	return g.userID(m.realm, (m.first+n)%g.users)
}

// scramble turns a number into one that looks random.
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
