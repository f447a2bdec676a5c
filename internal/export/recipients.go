package export

import (
	"context"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/catalog"
	"github.com/realmport/realmport/internal/encode"
	"github.com/realmport/realmport/internal/idset"
)

// rule selects messages: those of the senders to the recipients (format.md §5.1). Of a
// protected rule only those that one of the consenting users received.
type rule struct {
	senders, recipients *idset.Set
	protected           bool
}

// channels are the realm's channels as selection needs them: the public ones by their own ids, those with
// protected history by their recipients' (format.md §5.1).
type channels struct{ public, protected *idset.Set }

// selectRecipients works out which conversations are visible (format.md §2.5, §5.1).
func (r *run) selectRecipients(ctx context.Context) error {
	s := r.sel
	chans, err := r.readGroupsAndStreams(ctx)
	if err != nil {
		return err
	}
	subscribed, ofConsenting, err := r.readSubscriptions(ctx)
	if err != nil {
		return err
	}
	// Subscriptions to personal recipients and group direct messages make them visible.
	personal, groups, err := r.classify(ctx, subscribed)
	if err != nil {
		return err
	}
	if groups, err = r.safeGroups(ctx, idset.Intersect(groups, ofConsenting)); err != nil {
		return err
	}
	streams, err := r.recipientsOf(ctx, recipientStream, s.streams)
	if err != nil {
		return err
	}
	s.recipients = idset.Union(personal, streams, groups)
	if err := r.readHuddles(ctx, groups); err != nil {
		return err
	}
	return r.messageRules(ctx, chans, ofConsenting)
}

// readGroupsAndStreams reads the ids of the realm's user groups and channels.
func (r *run) readGroupsAndStreams(ctx context.Context) (channels, error) {
	s := r.sel
	s.groups, s.named, s.streams = idset.New(), idset.New(), idset.New()
	c := channels{public: idset.New(), protected: idset.New()}
	ours := []realmport.Cond{realmport.Equal{Column: "realm_id", Value: r.realm.ID}}
	err := r.readIDs(ctx, realmport.Query{Table: "zerver_usergroup", Columns: []string{"id"}, Where: ours}, s.groups.Add)
	if err == nil && r.tables["zerver_namedusergroup"] != nil {
		err = r.readIDs(ctx, realmport.Query{Table: "zerver_namedusergroup", Columns: []string{"usergroup_ptr_id"}, Where: ours}, s.named.Add)
	}
	if err != nil {
		return c, err
	}
	q := realmport.Query{Table: "zerver_stream", Columns: []string{"id", "recipient_id", "invite_only", "history_public_to_subscribers"}, Where: ours}
	return c, r.snap.Read(ctx, q, func(row realmport.Row) error {
		id, err := encode.Int(row[0])
		if err != nil {
			return err
		}
		s.streams.Add(id)
		if !isTrue(row[2]) {
			c.public.Add(id)
		}
		if row[1] == nil {
			return nil
		}
		recipient, err := encode.Int(row[1])
		if err != nil {
			return err
		}
		if !isTrue(row[3]) {
			c.protected.Add(recipient)
		}
		return nil
	})
}

// readSubscriptions returns the recipients that the realm's users, and those of
// them who consent, have a subscription to, active or not.
func (r *run) readSubscriptions(ctx context.Context) (all, ofConsenting *idset.Set, err error) {
	all, ofConsenting = idset.New(), idset.New()
	q := realmport.Query{
		Table: catalog.Subscriptions, Columns: []string{"recipient_id", "user_profile_id"},
		Where: []realmport.Cond{realmport.In{Column: "user_profile_id", IDs: r.sel.inRealm.Slice()}},
	}
	err = r.snap.Read(ctx, q, func(row realmport.Row) error {
		recipient, err := encode.Int(row[0])
		if err != nil {
			return err
		}
		user, err := encode.Int(row[1])
		if r.sel.all.Has(user) {
			all.Add(recipient)
		}
		if r.sel.consenting.Has(user) {
			ofConsenting.Add(recipient)
		}
		return err
	})
	return all, ofConsenting, err
}

// classify returns those of the recipients that are persons and those that are group direct messages.
func (r *run) classify(ctx context.Context, recipients *idset.Set) (personal, groups *idset.Set, err error) {
	personal, groups = idset.New(), idset.New()
	q := realmport.Query{
		Table: "zerver_recipient", Columns: []string{"id", "type"},
		Where: []realmport.Cond{realmport.In{Column: "id", IDs: recipients.Slice()}},
	}
	err = r.snap.Read(ctx, q, func(row realmport.Row) error {
		id, err := encode.Int(row[0])
		if err != nil {
			return err
		}
		kind, err := encode.Int(row[1])
		switch kind {
		case recipientPersonal:
			personal.Add(id)
			r.sel.conversations.Add(id)
		case recipientGroup:
			groups.Add(id)
			r.sel.conversations.Add(id)
		}
		return err
	})
	return personal, groups, err
}

// safeGroups drops the group direct messages that anybody outside the realm takes part in.
func (r *run) safeGroups(ctx context.Context, groups *idset.Set) (*idset.Set, error) {
	unsafe := idset.New()
	q := realmport.Query{
		Table: catalog.Subscriptions, Columns: []string{"recipient_id", "user_profile_id"},
		Where: []realmport.Cond{realmport.In{Column: "recipient_id", IDs: groups.Slice()}},
	}
	err := r.snap.Read(ctx, q, func(row realmport.Row) error {
		recipient, err := encode.Int(row[0])
		if err != nil {
			return err
		}
		user, err := encode.Int(row[1])
		if !r.sel.inRealm.Has(user) {
			unsafe.Add(recipient)
		}
		return err
	})
	return idset.Minus(groups, unsafe), err
}

// readHuddles finds the ids of the group direct messages behind the recipients.
func (r *run) readHuddles(ctx context.Context, groups *idset.Set) error {
	q := realmport.Query{
		Table: "zerver_recipient", Columns: []string{"type_id"},
		Where: []realmport.Cond{realmport.In{Column: "id", IDs: groups.Slice()}},
	}
	return r.readIDs(ctx, q, r.sel.huddles.Add)
}

// recipientsOf returns the recipients of a type that stand for the given users or streams.
func (r *run) recipientsOf(ctx context.Context, kind int64, ids *idset.Set) (*idset.Set, error) {
	found := idset.New()
	q := realmport.Query{Table: "zerver_recipient", Columns: []string{"id"}, Where: []realmport.Cond{
		realmport.Equal{Column: "type", Value: kind}, realmport.In{Column: "type_id", IDs: ids.Slice()},
	}}
	return found, r.readIDs(ctx, q, found.Add)
}

// messageRules sets out which messages the export holds (format.md §5.1).
func (r *run) messageRules(ctx context.Context, chans channels, ofConsenting *idset.Set) error {
	s := r.sel
	public, err := r.recipientsOf(ctx, recipientStream, chans.public)
	if err != nil {
		return err
	}
	// Direct messages to somebody whose own conversations are not visible are
	// found by their sender: to those who do not consent, or who are not ordinary accounts.
	visible, from := s.consenting, s.consenting
	switch r.Type {
	case realmport.Public:
		s.rules = []rule{{senders: s.senders, recipients: idset.Intersect(s.recipients, public)}}
		return nil
	case realmport.Standard:
		history := idset.Union(public, idset.Minus(ofConsenting, chans.protected))
		s.rules = []rule{
			{senders: s.senders, recipients: idset.Intersect(s.recipients, history)},
			{senders: s.senders, recipients: idset.Intersect(ofConsenting, chans.protected), protected: true},
		}
	case realmport.Full:
		s.rules = []rule{{senders: s.senders, recipients: s.recipients}}
		visible, from = s.normal, s.normal
	}
	others, err := r.recipientsOf(ctx, recipientPersonal, idset.Minus(s.senders, visible))
	if err != nil {
		return err
	}
	s.rules = append(s.rules, rule{senders: from, recipients: others})
	// Somebody without a subscription to themselves gets their recipient written all the same: else these
	// messages would be to nobody.
	ours, err := r.recipientsOf(ctx, recipientPersonal, idset.Minus(s.all, visible))
	s.recipients.AddAll(ours)
	s.conversations.AddAll(ours)
	return err
}

// knownRecipients are those that an archive tells of: its own, and those of the system bots.
func (r *run) knownRecipients() *idset.Set {
	known := idset.Union(r.sel.recipients)
	for _, b := range r.sel.bots {
		known.Add(b.recipient)
	}
	return known
}
