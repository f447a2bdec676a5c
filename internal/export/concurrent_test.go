package export_test

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/demo"
)

// held hands out one snapshot again and again, and keeps it open.
type held struct{ snap realmport.Snapshot }

func (h held) Snapshot(context.Context) (realmport.Snapshot, error) { return kept{h.snap}, nil }

// kept is a snapshot that its user cannot close.
type kept struct{ realmport.Snapshot }

func (kept) Close() error { return nil }

// TestConcurrentWriters exports while others write at full speed. Each archive must verify, and be the same as one made
// from the same snapshot when all is quiet: it holds what the snapshot held.
func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	dsn, uploads := rules(t)
	ctx, stop := context.WithCancel(t.Context())
	writers, writing := errgroup.WithContext(ctx)
	var changes atomic.Int64
	busy := make(chan struct{})
	for n := range 3 {
		writers.Go(func() error { return write(writing, dsn, n, &changes, busy) })
	}
	select {
	case <-busy:
	case <-writing.Done():
		t.Fatal(writers.Wait())
	}
	type made struct {
		snap realmport.Snapshot
		raw  []byte
		typ  realmport.ExportType
	}
	var archives []made
	var meanwhile int64
	for range 3 {
		for _, typ := range types() {
			opts := options(t, dsn, uploads, typ)
			snap, err := opts.Source.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer snap.Close()
			opts.Source = held{snap}
			before := changes.Load()
			a, _ := run(t, opts)
			meanwhile += changes.Load() - before
			archives = append(archives, made{snap, a.raw, typ})
		}
	}
	stop()
	if err := writers.Wait(); err != nil {
		t.Fatal(err)
	}
	if meanwhile == 0 {
		t.Fatal("nothing was written meanwhile")
	}
	for _, m := range archives {
		opts := options(t, dsn, uploads, m.typ)
		opts.Source = held{m.snap}
		if again, _ := run(t, opts); !bytes.Equal(again.raw, m.raw) {
			t.Errorf("%s: an export made while others wrote differs from one of the same snapshot in quiet", m.typ)
		}
	}
}

// write changes the organization in every way until ctx ends. It closes busy, once, when it has begun.
func write(ctx context.Context, dsn string, writer int, changes *atomic.Int64, busy chan struct{}) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for i := 0; ctx.Err() == nil; i++ {
		for _, statement := range changesOf(writer, i) {
			if _, err := conn.Exec(ctx, statement); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		changes.Add(1)
		if writer == 0 && i == 0 {
			close(busy)
		}
	}
	return nil
}

// changesOf are the statements of one round: a message is sent, edited, moved; an older one is deleted with all that hangs on it; a
// channel and a user come, change and go. Rows that only one writer touches keep them from waiting for each other.
func changesOf(writer, i int) []string {
	id := 1_000_000*(writer+1) + i
	sender := []int64{demo.Alice, demo.Bob, demo.Erin}[writer]
	first := demo.Expected(realmport.Public).Messages[0]
	public, private := demo.ChannelRecipient(demo.General), demo.ChannelRecipient(demo.Shared)
	return []string{
		fmt.Sprintf(`BEGIN;
			INSERT INTO zulip.zerver_message SELECT (jsonb_populate_record(m, jsonb_build_object('id', %d, 'sender_id', %d, 'recipient_id', %d, 'realm_id', %d))).*
				FROM zulip.zerver_message m WHERE id = %d;
			INSERT INTO zulip.zerver_usermessage (user_profile_id, message_id, flags)
				SELECT u.id, %d, 1 FROM zulip.zerver_userprofile u WHERE u.realm_id = %d AND u.id < 100;
			COMMIT`, id, sender, public, demo.RulesRealm, first, id, demo.RulesRealm),
		fmt.Sprintf("UPDATE zulip.zerver_message SET content = 'edited', last_edit_time = now(), edit_history = '[]' WHERE id = %d", id),
		fmt.Sprintf("UPDATE zulip.zerver_message SET recipient_id = %d WHERE id = %d", private, id),
		fmt.Sprintf(`BEGIN;
			DELETE FROM zulip.zerver_usermessage WHERE message_id = %[1]d;
			DELETE FROM zulip.zerver_message WHERE id = %[1]d;
			COMMIT`, id-20),
		fmt.Sprintf(`BEGIN;
			INSERT INTO zulip.zerver_recipient (id, type, type_id) VALUES (%[1]d, 2, %[1]d);
			INSERT INTO zulip.zerver_stream SELECT (jsonb_populate_record(s, jsonb_build_object('id', %[1]d, 'name', 'channel %[1]d', 'recipient_id', %[1]d))).*
				FROM zulip.zerver_stream s WHERE id = %[2]d;
			INSERT INTO zulip.zerver_subscription SELECT (jsonb_populate_record(s, jsonb_build_object('id', %[1]d, 'recipient_id', %[1]d))).*
				FROM zulip.zerver_subscription s WHERE id = (SELECT min(id) FROM zulip.zerver_subscription WHERE user_profile_id = %[3]d);
			COMMIT`, id, demo.General, sender),
		fmt.Sprintf("UPDATE zulip.zerver_stream SET invite_only = NOT invite_only, deactivated = NOT deactivated WHERE id = %d", id),
		fmt.Sprintf(`BEGIN;
			DELETE FROM zulip.zerver_subscription WHERE id = %[1]d;
			DELETE FROM zulip.zerver_stream WHERE id = %[1]d;
			DELETE FROM zulip.zerver_recipient WHERE id = %[1]d;
			COMMIT`, id-10),
		fmt.Sprintf(`BEGIN;
			INSERT INTO zulip.zerver_recipient (id, type, type_id) VALUES (%[1]d, 1, %[1]d);
			INSERT INTO zulip.zerver_userprofile SELECT (jsonb_populate_record(u, jsonb_build_object('id', %[1]d, 'email', 'u%[1]d@demo.test', 'delivery_email', 'u%[1]d@demo.test',
				'uuid', gen_random_uuid(), 'api_key', md5('%[1]d'), 'recipient_id', %[1]d))).* FROM zulip.zerver_userprofile u WHERE id = %[2]d;
			INSERT INTO zulip.zerver_subscription SELECT (jsonb_populate_record(s, jsonb_build_object('id', %[1]d, 'recipient_id', %[1]d, 'user_profile_id', %[1]d))).*
				FROM zulip.zerver_subscription s WHERE id = (SELECT min(id) FROM zulip.zerver_subscription WHERE user_profile_id = %[2]d);
			COMMIT`, id+500_000, sender),
		fmt.Sprintf("UPDATE zulip.zerver_userprofile SET is_active = NOT is_active, allow_private_data_export = NOT allow_private_data_export WHERE id = %d", id+500_000),
		fmt.Sprintf(`BEGIN;
			DELETE FROM zulip.zerver_usermessage WHERE user_profile_id = %[1]d;
			DELETE FROM zulip.zerver_subscription WHERE id = %[1]d;
			DELETE FROM zulip.zerver_userprofile WHERE id = %[1]d;
			DELETE FROM zulip.zerver_recipient WHERE id = %[1]d;
			COMMIT`, id+500_000-5),
	}
}

// TestTablesCannotBeEmptiedMeanwhile looks for the one thing that a snapshot does not protect from: to it, a table that is truncated
// later looks empty.
func TestTablesCannotBeEmptiedMeanwhile(t *testing.T) {
	t.Parallel()
	dsn, uploads := rules(t)
	opts := options(t, dsn, uploads, realmport.Full)
	snap, err := opts.Source.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	if _, err := snap.Schema(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), "SET lock_timeout = '100ms'"); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"TRUNCATE zulip.zerver_usermessage", "ALTER TABLE zulip.zerver_stream ADD COLUMN x uuid DEFAULT gen_random_uuid()"} {
		if _, err := conn.Exec(t.Context(), statement); err == nil {
			t.Errorf("%s was not kept waiting", statement)
		}
	}
}
