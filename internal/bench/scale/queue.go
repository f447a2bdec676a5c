package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/realmport/realmport/internal/demo"
)

// Of the organizations of a server: how many messages each has, how many times as many the huge one, and how often the greedy one asks.
const (
	smallMessages = 2000
	hugeTimes     = 251
	greedyAsks    = 10
)

// queueConfig lets four exports be at work at once, of each organization one. The processes could do more, so that the limit is what bounds them.
const queueConfig = `concurrent_exports: %d
limits: {exports: 4, exports_per_realm: 1}
`

// queue has the exports of many organizations asked for at once: first all those of the greedy one, then that of the huge one, then the others'.
func (b *bench) queue(ctx context.Context) error {
	n := b.sizes.realms
	p, err := b.place(ctx, "queue", demo.Size{
		Realms: n, Users: 10 * n, Streams: 3 * n, Messages: smallMessages * n, UserMessages: 5 * smallMessages * n,
	})
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.blowUp(ctx, p.accounts[1].realm); err != nil {
		return err
	}
	for _, concurrent := range []int{2, 4} {
		if err := b.queued(ctx, p, concurrent); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) queued(ctx context.Context, p *place, concurrent int) error {
	config, err := b.configure(p, b.s3.Endpoint, fmt.Sprintf(queueConfig, concurrent))
	if err != nil {
		return err
	}
	t, err := b.team(config, fmt.Sprint("queue-", concurrent), 2, false)
	if err != nil {
		return err
	}
	defer t.kill()
	before, err := t.times(ctx, p.conn)
	if err != nil {
		return err
	}
	greedy, huge := p.accounts[0], p.accounts[1]
	order := append(slices.Repeat([]account{greedy}, greedyAsks), huge)
	first := int64(0)
	for _, a := range append(order, p.accounts[2:]...) {
		id, err := t.request(ctx, a)
		if err != nil {
			return err
		}
		if first == 0 {
			first = id
		}
	}
	list, err := p.finish(ctx, first)
	if err != nil {
		return err
	}
	after, err := t.times(ctx, p.conn)
	if err != nil {
		return err
	}
	peak, err := t.peak()
	if err != nil {
		return err
	}
	b.reportQueue(list, greedy.realm, huge.realm, concurrent, peak)
	b.row("  of each export, in the mean", "workers %.2f s of processor time, PostgreSQL %.2f s", (after[1]-before[1])/float64(len(list)), (after[0]-before[0])/float64(len(list)))
	return t.stop()
}

// reportQueue prints how the exports went.
func (b *bench) reportQueue(list []exported, greedy, huge int64, concurrent int, peak float64) {
	var last, others, hugeEnd, total float64 // when the greedy one's last ended, when the last of the others' began
	var waits []float64
	before := 0 // exports of the greedy one that ended before the others had all begun
	for _, e := range list {
		total = max(total, e.finished)
		switch e.realm {
		case greedy:
			last = max(last, e.finished)
		case huge:
			hugeEnd = e.finished
			fallthrough
		default:
			others = max(others, e.started)
			waits = append(waits, e.started)
		}
	}
	for _, e := range list {
		if e.realm == greedy && e.finished < others {
			before++
		}
	}
	slices.Sort(waits)
	b.row(fmt.Sprintf("%d exports of %d organizations at once, 2 workers of %d at once, 4 in all", len(list), b.sizes.realms, concurrent),
		"all done in %.0f s; waits %.1f s at the median, %.1f s at most; the huge one took until %.0f s", total, median(waits), waits[len(waits)-1], hugeEnd)
	b.row(fmt.Sprintf("  of the one that asked for %d at first", greedyAsks),
		"%d done before all others had begun, the last %.1f s after that (target: after%s)", before, last-others, verdict(last >= others))
	b.row("  peak memory of a worker", "%.1f MiB (target: at most 128%s)", peak, verdict(peak <= 128))
}

// blowUp multiplies the messages of an organization.
func (p *place) blowUp(ctx context.Context, realm int64) error {
	const copies = hugeTimes - 1
	var highest, highestReceived int64
	err := p.conn.QueryRow(ctx, "SELECT (SELECT max(id) FROM zulip.zerver_message), (SELECT max(id) FROM zulip.zerver_usermessage)").Scan(&highest, &highestReceived)
	if err != nil {
		return err
	}
	// Neither is of use to exports, and both would take minutes: the index for searches, and looking at keys that are right.
	_, err = p.conn.Exec(ctx, "DROP INDEX IF EXISTS zulip.zerver_message_search_tsvector_idx; SET session_replication_role = replica")
	if err != nil {
		return err
	}
	for _, t := range []struct{ table, where, id, message string }{
		{"zerver_message", "realm_id = $1", fmt.Sprintf("id + n * %d", highest), ""},
		{
			"zerver_usermessage", fmt.Sprintf("message_id IN (SELECT id FROM zulip.zerver_message WHERE realm_id = $1 AND id <= %d)", highest),
			fmt.Sprintf("id + n * %d", highestReceived), fmt.Sprintf("message_id + n * %d", highest),
		},
	} {
		var columns []string
		err := p.conn.QueryRow(ctx, `SELECT array_agg(column_name::text) FROM information_schema.columns
			WHERE table_schema = 'zulip' AND table_name = $1 AND is_generated = 'NEVER'`, t.table).Scan(&columns)
		if err != nil {
			return err
		}
		values := slices.Clone(columns)
		for i, c := range columns {
			switch c {
			case "id":
				values[i] = t.id
			case "message_id":
				values[i] = t.message
			}
		}
		_, err = p.conn.Exec(ctx, fmt.Sprintf("INSERT INTO zulip.%[1]s (%[2]s) SELECT %[3]s FROM zulip.%[1]s, generate_series(1, %[4]d) AS n WHERE %[5]s",
			t.table, strings.Join(columns, ", "), strings.Join(values, ", "), copies, t.where), realm)
		if err != nil {
			return fmt.Errorf("multiply %s: %w", t.table, err)
		}
	}
	_, err = p.conn.Exec(ctx, "ANALYZE zulip.zerver_message, zulip.zerver_usermessage")
	fmt.Fprintf(os.Stderr, "the huge organization has %d messages\n", smallMessages*hugeTimes)
	return errors.Join(err, p.count(ctx))
}
