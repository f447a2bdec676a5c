package main

import (
	"context"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/pgcluster"
)

// TestServeFromReplica has a service read from a standby that is behind: the export waits until it has what the primary had when the export
// began, and holds that.
func TestServeFromReplica(t *testing.T) {
	t.Parallel()
	primary, err := pgcluster.Start(t.Context(), pgcluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = primary.Stop() })
	const database = "zulip"
	if _, err := connect(t, primary.DSN("postgres")).Exec(t.Context(), "CREATE DATABASE "+database+" TEMPLATE template0 ENCODING 'UTF8'"); err != nil {
		t.Fatal(err)
	}
	source := primary.DSN(database)
	if err := demo.CreateRules(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	standby, err := primary.Standby(t.Context(), pgcluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standby.Stop() })
	uploads := t.TempDir()
	if err := demo.WriteRulesUploads(uploads); err != nil {
		t.Fatal(err)
	}
	email, key := anOwner(t, source, demo.RulesStringID)
	s := startServing(t, t.TempDir(), "--source", source, "--replica", standby.DSN(database), "--uploads", uploads, "--archives", t.TempDir(),
		"--avatar-salt", demo.AvatarSalt, "--external-host", "chat.example.test", "--scheme", "http", "--zulip-version", "11.0")
	c := &zulipServer{t, s, demo.RulesStringID + ".chat.example.test", email, key}

	replica := connect(t, standby.DSN(database))
	exec := func(text string) {
		t.Helper()
		if _, err := replica.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	exec("SELECT pg_wal_replay_pause()")
	const name = "Renamed while the replica was behind"
	if _, err := connect(t, source).Exec(t.Context(), "UPDATE zulip.zerver_realm SET name = $1 WHERE string_id = $2", name, demo.RulesStringID); err != nil {
		t.Fatal(err)
	}
	if got := c.call(http.MethodPost, "/api/v1/export/realm", url.Values{"export_type": {"2"}}); got["result"] != "success" {
		t.Fatalf("got %v, want an export", got)
	}
	awaited(t, func() bool {
		var n int
		err := replica.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'realmport'").Scan(&n)
		return err == nil && n > 0
	})
	list, ok := c.call(http.MethodGet, "/api/v1/export/realm", nil)["exports"].([]any)
	if last, _ := list[len(list)-1].(map[string]any); !ok || last["pending"] != true {
		t.Errorf("while the replica is behind: got %v, want a pending export", last)
	}
	exec("SELECT pg_wal_replay_resume()")
	link, _ := c.wait()["export_url"].(string)
	archive := writeFile(t, filepath.Join(t.TempDir(), "archive.tar.gz"), c.fetch(strings.TrimPrefix(link, "http://"+c.host), http.StatusOK))
	run(t, "verify", archive).want(t, exitOK, says("is whole and consistent"), nil)
	if !strings.Contains(contents(t, archive)["realm.json"], name) {
		t.Error("the archive does not hold what the primary had when the export began")
	}
	s.stop(t)
}

// awaited waits until something is so.
func awaited(t *testing.T, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatal("it did not become so within a minute")
		case <-tick.C:
		}
	}
}
