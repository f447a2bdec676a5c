package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/demo"
)

// place is a Zulip server's database, with the accounts of its organizations' owners, and the buckets of its files and archives.
type place struct {
	name     string
	dsn      string
	conn     *pgx.Conn
	accounts []account // by organization, in the order of their ids
}

// place makes a database of that size, and empty buckets.
func (b *bench) place(ctx context.Context, name string, size demo.Size) (*place, error) {
	p := &place{name: name}
	database := fmt.Sprintf("scale_%s_%d", name, os.Getpid())
	conn, err := pgx.Connect(ctx, b.server)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+database); err != nil {
		return nil, err
	}
	config := conn.Config()
	p.dsn = fmt.Sprintf("postgres://%s@%s:%d/%s?sslmode=disable", config.User, config.Host, config.Port, database)
	begun := clock.Now()
	if err := demo.Generate(ctx, p.dsn, size); err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "made %s: %d messages in %.0f s\n", name, size.Messages, clock.Now().Sub(begun).Seconds())
	for _, kind := range bucketKinds() {
		if err := b.s3.MakeBucket(ctx, p.bucket(kind)); err != nil {
			return nil, err
		}
	}
	if p.conn, err = pgx.Connect(ctx, p.dsn); err != nil {
		return nil, err
	}
	if p.accounts, err = p.owners(ctx); err != nil {
		return nil, err
	}
	return p, p.count(ctx)
}

// count writes the daily statistics, from which it is told who is large.
func (p *place) count(ctx context.Context) error {
	_, err := p.conn.Exec(ctx, `DELETE FROM zulip.analytics_realmcount WHERE property = 'messages_sent:message_type:day';
		INSERT INTO zulip.analytics_realmcount (property, subgroup, end_time, value, realm_id)
		SELECT 'messages_sent:message_type:day', 'public_stream', date_trunc('day', now()), count(*), realm_id FROM zulip.zerver_message GROUP BY realm_id`)
	return err
}

func bucketKinds() []string { return []string{"uploads", "avatars", "archives"} }

func (p *place) bucket(kind string) string { return "scale-" + p.name + "-" + kind }

// account is an owner of an organization.
type account struct {
	realm            int64
	host, email, key string
}

// owners returns an owner of each organization, whose keys it makes such that they can be used.
func (p *place) owners(ctx context.Context) ([]account, error) {
	if _, err := p.conn.Exec(ctx, "UPDATE zulip.zerver_userprofile SET api_key = md5('bench' || id)"); err != nil {
		return nil, err
	}
	rows, err := p.conn.Query(ctx, `SELECT DISTINCT ON (r.id) r.id, r.string_id, u.delivery_email, u.api_key
		FROM zulip.zerver_userprofile AS u JOIN zulip.zerver_realm AS r ON r.id = u.realm_id
		WHERE u.role = 100 AND u.is_active AND NOT u.is_bot ORDER BY r.id, u.id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (account, error) {
		var a account
		err := row.Scan(&a.realm, &a.host, &a.email, &a.key)
		a.host += "." + demo.ExternalHost
		return a, err
	})
}

// close ends what the place holds open. The database stays, for the server goes with the program.
func (p *place) close() { _ = p.conn.Close(context.Background()) }

// exported is an export as its row tells.
type exported struct {
	id, realm         int64
	pending           bool
	started, finished float64 // seconds since the first of all was asked for; 0 if not yet
}

// exports returns the exports from an id on, in the order in which they were asked for. One that failed is an error.
func (p *place) exports(ctx context.Context, from int64) ([]exported, error) {
	rows, err := p.conn.Query(ctx, `SELECT id, realm_id, status < 3, status = 4,
			coalesce(extract(epoch FROM date_started - min(date_requested) OVER ()), 0)::float8,
			coalesce(extract(epoch FROM date_succeeded - min(date_requested) OVER ()), 0)::float8
		FROM zulip.zerver_realmexport WHERE id >= $1 ORDER BY id`, from)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e exported, err error) {
		var failed bool
		err = row.Scan(&e.id, &e.realm, &e.pending, &failed, &e.started, &e.finished)
		if failed {
			err = fmt.Errorf("export %d failed", e.id)
		}
		return e, err
	})
}

// finish waits until no export from an id on is pending, and returns them.
func (p *place) finish(ctx context.Context, from int64) ([]exported, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		list, err := p.exports(ctx, from)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(list, func(e exported) bool { return e.pending }) {
			return list, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
	}
}
