package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/realmport/realmport"
)

// lsn is a position in a primary's log.
type lsn uint64

// String is PostgreSQL's own form.
func (n lsn) String() string { return fmt.Sprintf("%X/%X", uint64(n)>>32, uint64(n)&0xffffffff) }

// parseLSN reads PostgreSQL's form of a position, two words of up to eight hex digits, and nothing else.
func parseLSN(text string) (lsn, bool) {
	high, low, ok := strings.Cut(text, "/")
	var n uint64
	for _, word := range []string{high, low} {
		if !ok || len(word) > 8 || strings.Trim(word, "0123456789ABCDEF") != "" {
			return 0, false
		}
		part, err := strconv.ParseUint(word, 16, 32)
		if err != nil {
			return 0, false
		}
		n = n<<32 | part
	}
	return lsn(n), true
}

// The headers of the log's pages: of the first of a file, and of the others.
const (
	fileHeader = 40
	pageHeader = 24
)

// end returns where the last record before a position of insertion ends. Between the two may be a page's header, which a standby
// does not replay until a record follows; on a primary that is idle, none may.
func (n lsn) end(page, file uint64) lsn {
	switch {
	case file > 0 && uint64(n)%file == fileHeader:
		return n - fileHeader
	case page > 0 && uint64(n)%page == pageHeader:
		return n - pageHeader
	}
	return n
}

// Position returns how far the log of the server, a primary, goes. All that was visible there before is before that. It is Unsupported on
// a standby.
func (s *Source) Position(ctx context.Context) (string, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := s.ask(limited)
	if err != nil {
		return "", s.explain(ctx, err)
	}
	defer c.close()
	facts, err := c.strings(limited, `SELECT CASE WHEN pg_is_in_recovery() THEN '' ELSE pg_current_wal_insert_lsn()::text END,
		current_setting('wal_block_size'), (SELECT setting FROM pg_settings WHERE name = 'wal_segment_size')`)
	if err != nil {
		return "", s.explain(ctx, err)
	}
	if facts[0] == "" {
		return "", realmport.Errorf(realmport.Unsupported, "PostgreSQL at %s is a standby, and its primary is needed to know what is the latest: "+
			"name the primary as the source", s.address())
	}
	n, ok := parseLSN(facts[0])
	page, pageErr := strconv.ParseUint(facts[1], 10, 64)
	file, fileErr := strconv.ParseUint(facts[2], 10, 64)
	if !ok || pageErr != nil || fileErr != nil {
		return "", fmt.Errorf("read the position of the log: got %q", facts)
	}
	return n.end(page, file).String(), nil
}

// ask opens a connection for questions to the server.
func (s *Source) ask(ctx context.Context) (*conn, error) {
	raw, err := pgconn.ConnectConfig(ctx, s.config.Copy())
	if err != nil {
		return nil, err
	}
	c := &conn{pg: raw}
	if _, err := raw.Exec(ctx, questionSettings).ReadAll(); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// catchUpEvery is how often a standby is asked how far it is.
const catchUpEvery = 100 * time.Millisecond

// CatchUp waits until the server, if it is a standby, has replayed its primary's log up to a Position of that: then a snapshot sees all that
// was visible there. It is Unavailable if it has not within that time. A primary is there already.
func (s *Source) CatchUp(ctx context.Context, position string, patience time.Duration) error {
	want, ok := parseLSN(position)
	if !ok {
		return realmport.Errorf(realmport.Invalid, "%q is not a position in the log of PostgreSQL, such as 16/B374D848", position)
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(catchUpEvery)
	defer ticker.Stop()
	f := follower{source: s}
	defer f.close()
	for {
		there, err := f.reached(limited, want)
		switch {
		case there:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && limited.Err() == nil && !transient(err):
			return s.explain(ctx, err)
		}
		select {
		case <-ticker.C:
		case <-limited.Done():
			if ctx.Err() == nil && f.seen {
				return f.late(want, patience)
			}
			if err == nil {
				err = limited.Err()
			}
			return s.explain(ctx, err)
		}
	}
}

// follower is a standby that is asked again and again.
type follower struct {
	source *Source
	c      *conn // nil if there is none
	// What it last said.
	seen   bool
	at     lsn
	paused bool
}

func (f *follower) close() {
	if f.c != nil {
		f.c.close()
		f.c = nil
	}
}

// reached asks once. After an error the next question has a new connection.
func (f *follower) reached(ctx context.Context, want lsn) (there bool, err error) {
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if f.c == nil {
		if f.c, err = f.source.ask(ctx); err != nil {
			return false, err
		}
	}
	facts, err := f.c.strings(ctx, `SELECT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_replay_lsn()::text, '0/0') END,
		CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END`)
	if err != nil || facts[0] == "f" {
		return err == nil, err
	}
	at, ok := parseLSN(facts[1])
	if !ok {
		return false, fmt.Errorf("read how far the standby is: got %q", facts[1])
	}
	f.seen, f.at, f.paused = true, at, facts[2] == "t"
	return at >= want, nil
}

// late is the error of a standby that did not come so far.
func (f *follower) late(want lsn, patience time.Duration) error {
	advice := "wait until it has caught up (pg_stat_replication on the primary tells), or read from the primary"
	if f.paused {
		advice = "its replay is paused: SELECT pg_wal_replay_resume() there, or read from the primary"
	}
	return realmport.Errorf(realmport.Unavailable, "PostgreSQL at %s, a standby, is %d bytes behind what its primary had when the export began, after %s, "+
		"and may not know who took back their consent: %s", f.source.address(), want-f.at, short(patience), advice)
}
