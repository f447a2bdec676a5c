package export

import (
	"context"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/encode"
	"github.com/realmport/realmport/internal/idset"
)

// history is the plan of the message files.
type history struct {
	// newest is when the latest of the exported messages was sent, in microseconds since 1970. The
	// archive's own files carry it as their time, so that they do not depend on when the export ran.
	newest int64
}

const (
	// messagesPerFile is what the importer expects of a message file (format.md §5.3).
	messagesPerFile = 1000
	// filesPerPart makes a part of about two megabytes, compressed.
	filesPerPart = 8
)

// selectMessages reads who sent what to whom, of the whole realm, and marks the
// messages that the export holds. Their text is read later, part by part.
func (r *run) selectMessages(ctx context.Context) error {
	r.history = &history{newest: r.realm.Created.UnixMicro()}
	protected := idset.New()
	q := realmport.Query{
		Table: "zerver_message", Columns: []string{"id", "sender_id", "recipient_id", "sending_client_id", "date_sent"},
		Where: []realmport.Cond{realmport.Equal{Column: "realm_id", Value: r.realm.ID}},
	}
	err := r.snap.Read(ctx, q, func(row realmport.Row) error {
		var n [4]int64
		for i := range n {
			v, err := encode.Int(row[i])
			if err != nil {
				return err
			}
			n[i] = v
		}
		switch r.sel.match(n[1], n[2]) {
		case selected:
			return r.take(n[0], n[3], row[4])
		case ifReceived:
			protected.Add(n[0])
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := r.selectReceived(ctx, protected); err != nil {
		return err
	}
	r.Meter.MessagesTotal.Store(int64(r.sel.messages.Len()))
	return nil
}

func (r *run) take(id, client int64, sent []byte) error {
	micros, err := encode.MicrosUnix(sent)
	if err != nil {
		return err
	}
	r.sel.messages.Add(id)
	r.sel.clients.Add(client)
	r.history.newest = max(r.history.newest, micros)
	return nil
}

type verdict uint8

const (
	rejected verdict = iota
	ifReceived
	selected
)

// match holds a message against the rules.
func (s *selection) match(sender, recipient int64) verdict {
	v := rejected
	for i := range s.rules {
		rule := &s.rules[i]
		if !rule.recipients.Has(recipient) || !rule.senders.Has(sender) {
			continue
		}
		if !rule.protected {
			return selected
		}
		v = ifReceived
	}
	return v
}

// selectReceived takes those messages of channels with protected history that a
// consenting user received: they have a usermessage row of theirs.
func (r *run) selectReceived(ctx context.Context, candidates *idset.Set) error {
	consenting := r.sel.consenting.Slice()
	for ids := range candidates.Batches(messagesPerFile) {
		received := idset.New()
		q := realmport.Query{Table: "zerver_usermessage", Columns: []string{"message_id"}, Where: []realmport.Cond{
			realmport.In{Column: "message_id", IDs: ids}, realmport.Or{realmport.In{Column: "user_profile_id", IDs: consenting}},
		}}
		if err := r.readIDs(ctx, q, received.Add); err != nil {
			return err
		}
		q = realmport.Query{
			Table: "zerver_message", Columns: []string{"id", "sending_client_id", "date_sent"},
			Where: []realmport.Cond{realmport.In{Column: "id", IDs: received.Slice()}},
		}
		err := r.snap.Read(ctx, q, func(row realmport.Row) error {
			id, err := encode.Int(row[0])
			if err != nil {
				return err
			}
			client, err := encode.Int(row[1])
			if err != nil {
				return err
			}
			return r.take(id, client, row[2])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// asOf is the time that the archive's own files carry.
func (r *run) asOf() time.Time { return unixMicro(r.history.newest).Truncate(time.Second) }

func unixMicro(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
