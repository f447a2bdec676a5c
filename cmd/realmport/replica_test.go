package main

import (
	"context"
	"encoding/json"
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

// TestExportFromStandby has a standby break the export off, since its snapshot is in the way of what the primary did: the export is begun
// anew, and holds what the standby has by then.
func TestExportFromStandby(t *testing.T) {
	t.Parallel()
	primary, err := pgcluster.Start(t.Context(), pgcluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = primary.Stop() })
	source := primary.DSN("postgres")
	f := setup(t)
	if err := demo.CreateRules(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	standby, err := primary.Standby(t.Context(), pgcluster.Options{Settings: map[string]string{"max_standby_streaming_delay": "0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standby.Stop() })
	s := newStall(t, withPassword(t, standby.DSN("postgres")), 20_000)
	f.dsn = s.dsn
	done := make(chan result, 1)
	go func() { done <- run(t, f.args(t)...) }()
	<-s.stalled
	conn := connect(t, source)
	for _, sql := range []string{"DELETE FROM zulip.zerver_reaction", "VACUUM zulip.zerver_reaction"} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	replica := connect(t, standby.DSN("postgres"))
	awaited(t, func() bool {
		var n int
		err := replica.QueryRow(t.Context(), "SELECT confl_snapshot FROM pg_stat_database_conflicts WHERE datname = current_database()").Scan(&n)
		return err == nil && n > 0
	})
	s.release()
	r := <-done
	r.want(t, exitPartial, says("exported organization"), says("conflict with recovery", "the export is begun anew"))
	var realm struct {
		Reactions *[]any `json:"zerver_reaction"`
	}
	if err := json.Unmarshal([]byte(contents(t, f.out)["realm.json"]), &realm); err != nil || realm.Reactions == nil || len(*realm.Reactions) > 0 {
		t.Errorf("got reactions %v, %v, want none: they were deleted before the export was begun anew", realm.Reactions, err)
	}
}
