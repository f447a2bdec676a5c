package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/demo"
)

// teamConfig has exports made by all, and makes compressing, which is the workers', cost far more than reading, which is mostly the source's.
const teamConfig = `workers: 1
concurrent_exports: 1
compression: %d
parts: {min_messages: 10000}
`

// receivers is how many usermessages each message has; the message itself is a row too.
const (
	receivers      = 16
	rowsPerMessage = 1 + receivers
)

// shared is what one export by a team took.
type shared struct {
	seconds        float64 // from the request until the row says that it succeeded
	source, worker float64 // processor time of PostgreSQL, and of all workers, in seconds
	idle           float64 // seconds for which a worker had nothing to do, in the mean
	peak           float64 // MiB of the largest worker
	bytes          float64 // of the archive
}

// workers compares two workers with one, each held to a core.
func (b *bench) workers(ctx context.Context) error {
	n := b.sizes.messages
	p, err := b.place(ctx, "workers", demo.Size{
		Users: 200, Streams: 40, Messages: n, UserMessages: receivers * n, Reactions: n / 5, AuditRows: n / 20,
	})
	if err != nil {
		return err
	}
	defer p.close()
	for _, level := range []int{9, 2} {
		config, err := b.configure(p, b.s3.Endpoint, fmt.Sprintf(teamConfig, level))
		if err != nil {
			return err
		}
		var times, undisturbed [2][]float64
		var last [2]shared
		for run := range b.runs {
			for i := range times { // in turn, so that both see the same machine
				if last[i], err = b.together(ctx, p, config, fmt.Sprintf("workers-%d-%d-%d", level, run, i), i+1); err != nil {
					return err
				}
				fmt.Fprintf(os.Stderr, "level %d, %d workers: %+v\n", level, i+1, last[i])
				times[i] = append(times[i], last[i].seconds)
				undisturbed[i] = append(undisturbed[i], last[i].idle+last[i].worker/float64(i+1))
			}
		}
		b.compare(fmt.Sprintf("two workers / one, each on one core, compression %d", level), level == 9, times)
		b.compare("  the same without what others took of the cores: idle + processor time", level == 9, undisturbed)
		for i, s := range last {
			b.row(fmt.Sprintf("  processor time of the last run, %d of them", i+1), "workers %.0f %% of their cores, PostgreSQL %.0f %% of one; %.0f MiB",
				100*s.worker/s.seconds/float64(i+1), 100*s.source/s.seconds, s.peak)
		}
		b.calibrate(level, last[0])
	}
	return b.selection(ctx, p)
}

// compare prints how many times as fast two workers are as one.
func (b *bench) compare(what string, wanted bool, times [2][]float64) {
	one, two := median(times[0]), median(times[1])
	target := ""
	if wanted {
		target = fmt.Sprintf(" (target: at least 1.7%s)", verdict(one/two >= 1.7))
	}
	b.row(what, "%.2f times as fast%s; %.2f s / %.2f s", one/two, target, one, two)
}

// calibrate prints what the model of internal/bench/model takes from a run by one worker.
func (b *bench) calibrate(level int, s shared) {
	n := float64(b.sizes.messages)
	b.row(fmt.Sprintf("  of each message with its %d rows, compression %d", rowsPerMessage, level), "worker %.1f µs, PostgreSQL %.1f µs, archive %.0f bytes",
		1e6*s.worker/n, 1e6*s.source/n, s.bytes/n)
}

// selection measures how fast who sent what to whom is read, which the coordinator does alone and first.
func (b *bench) selection(ctx context.Context, p *place) error {
	var seconds []float64
	for range b.runs {
		begun := clock.Now()
		rows, err := p.conn.Query(ctx, `SELECT id, sender_id, recipient_id, sending_client_id, date_sent FROM zulip.zerver_message WHERE realm_id = $1`,
			p.accounts[0].realm)
		if err != nil {
			return err
		}
		for rows.Next() {
			_ = rows.RawValues()
		}
		if err := rows.Err(); err != nil {
			return err
		}
		seconds = append(seconds, clock.Now().Sub(begun).Seconds())
	}
	b.row("  reading who sent what to whom", "%.0f messages a second", float64(b.sizes.messages)/median(seconds))
	return nil
}

// together makes one export by so many workers.
func (b *bench) together(ctx context.Context, p *place, config, name string, workers int) (s shared, err error) {
	t, err := b.team(config, name, workers, true)
	if err != nil {
		return s, err
	}
	defer t.kill()
	before, err := t.times(ctx, p.conn)
	if err != nil {
		return s, err
	}
	looking, stop := context.WithCancel(ctx)
	defer stop()
	idle := make(chan float64, 1)
	go func() { idle <- idleness(looking, t.workers) }()
	begun := clock.Now()
	id, err := t.request(ctx, p.accounts[0])
	if err != nil {
		return s, err
	}
	if _, err := p.finish(ctx, id); err != nil {
		return s, err
	}
	s.seconds = clock.Now().Sub(begun).Seconds()
	stop()
	s.idle = s.seconds * <-idle
	after, err := t.times(ctx, p.conn)
	if err != nil {
		return s, err
	}
	if err := p.conn.QueryRow(ctx, "SELECT tarball_size_bytes FROM zulip.zerver_realmexport WHERE id = $1", id).Scan(&s.bytes); err != nil {
		return s, err
	}
	s.source, s.worker = after[0]-before[0], after[1]-before[1]
	if s.peak, err = t.peak(); err != nil {
		return s, err
	}
	for _, w := range t.workers {
		if u, err := usageOf(w.cmd.Process.Pid); err != nil || u.own < s.worker/float64(4*workers) {
			return s, errors.Join(err, fmt.Errorf("one of %d workers took %.1f s of processor time, all together %.1f s: it did not help", workers, u.own, s.worker))
		}
	}
	return s, t.stop()
}

// times are the processor times so far of PostgreSQL and of all workers.
func (t *team) times(ctx context.Context, conn *pgx.Conn) (times [2]float64, err error) {
	if times[0], err = postgresTime(ctx, conn); err != nil {
		return times, err
	}
	for _, w := range t.workers {
		u, err := usageOf(w.cmd.Process.Pid)
		if err != nil {
			return times, err
		}
		times[1] += u.own
	}
	return times, nil
}
