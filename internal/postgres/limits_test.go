package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/postgres"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	dsn := database(t, minimal)
	watch := connect(t, dsn)
	t.Run("lock", func(t *testing.T) {
		lock := connect(t, dsn)
		if _, err := lock.Exec(t.Context(), "BEGIN; LOCK TABLE zerver_realm"); err != nil {
			t.Fatal(err)
		}
		defer lock.Close(t.Context())
		snap := snapshot(t, dsn, postgres.Options{LockTimeout: 1500 * time.Microsecond})
		_, err := texts(t, snap, "zerver_realm", "name")
		wantError(t, err, realmport.Unavailable, "was locked for over 1.5ms")
	})
	t.Run("statement", func(t *testing.T) {
		lock := connect(t, dsn)
		if _, err := lock.Exec(t.Context(), "BEGIN; LOCK TABLE zerver_realm"); err != nil {
			t.Fatal(err)
		}
		defer lock.Close(t.Context())
		snap := snapshot(t, dsn, postgres.Options{StatementTimeout: 200 * time.Millisecond})
		_, err := texts(t, snap, "zerver_realm", "name")
		wantError(t, err, realmport.Unavailable, "statement timeout", "the limit for one statement is 200ms", "raise it")
	})
	t.Run("idle", func(t *testing.T) {
		// It may be over before the snapshot is made.
		snap, err := open(t, dsn, postgres.Options{Connections: 1, IdleTimeout: time.Millisecond}).Snapshot(t.Context())
		if err == nil {
			defer snap.Close()
			freed(t, watch)
			_, err = texts(t, snap, "zerver_realm", "name")
		}
		wantError(t, err, realmport.Unavailable, "idle-in-transaction timeout", "the limit for a connection that waits is 1ms", "raise it")
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	dsn := database(t, minimal)
	name, as := role(t, dsn, "LOGIN")
	execute(t, dsn, fmt.Sprintf("GRANT SELECT ON zerver_realm TO %[1]s; ALTER ROLE %[1]s SET tcp_user_timeout = '5s'; ALTER ROLE %[1]s SET lock_timeout = '1ms'", name))
	for setting, want := range map[string]string{
		"statement_timeout": "0", "lock_timeout": "60000", "idle_in_transaction_session_timeout": "0", "application_name": "realmport",
		"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3", "tcp_user_timeout": "0",
		"client_connection_check_interval": "10000", "row_security": "off", "search_path": `""`,
	} {
		got, err := postgres.Setting(t.Context(), open(t, as, postgres.Options{}), setting)
		if got == "" && setting == "client_connection_check_interval" { // older than PostgreSQL 14
			continue
		}
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", setting, got, err, want)
		}
	}
}
