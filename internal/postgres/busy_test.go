package postgres_test

import (
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/pgcluster"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/postgres"
)

// TestBusyFull fills a server with connections.
func TestBusyFull(t *testing.T) {
	t.Parallel()
	pgtest.Server(t) // where there is none, no other can be started either
	c, err := pgcluster.Start(t.Context(), pgcluster.Options{Settings: map[string]string{"shared_buffers": "16MB", "max_connections": "5"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	source, bounds := open(t, c.DSN("postgres"), postgres.Options{}), postgres.Bounds{Lag: time.Hour}
	for {
		conn, err := pgx.Connect(t.Context(), c.DSN("postgres"))
		if err != nil {
			break
		}
		defer conn.Close(t.Context())
	}
	got, err := source.Busy(t.Context(), bounds)
	if err != nil || got != "it takes no further connections" {
		t.Errorf("got %q, %v, want that it is full", got, err)
	}
}

// TestBusyRole has the limit of the role itself reached, as by the export that would have to wait.
func TestBusyRole(t *testing.T) {
	t.Parallel()
	dsn := database(t, minimal)
	_, as := role(t, dsn, "LOGIN CONNECTION LIMIT 1")
	connect(t, as)
	got, err := open(t, as, postgres.Options{}).Busy(t.Context(), postgres.Bounds{Lag: time.Hour})
	wantError(t, err, realmport.Unavailable, "53300")
	if got != "" {
		t.Errorf("got %q, want no reason", got)
	}
}

// TestBusySilent asks a server that lets connect and says nothing.
func TestBusySilent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	source := open(t, "postgres://nobody@"+l.Addr().String()+"/zulip?sslmode=disable", postgres.Options{})
	got, err := postgres.BusyWithin(t.Context(), source, postgres.Bounds{Lag: time.Hour}, 100*time.Millisecond)
	if err != nil || got != "it does not answer in time" {
		t.Errorf("got %q, %v, want that it does not answer", got, err)
	}
}
