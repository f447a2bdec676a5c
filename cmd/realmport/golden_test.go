package main

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

// TestServeZulipServer serves a Zulip server's own database: an owner asks for an export, follows, downloads and deletes it, and what the
// server's own tables and the reference's archive say agrees.
func TestServeZulipServer(t *testing.T) {
	t.Parallel()
	for set, organization := range map[string]string{"rules": "demo", "community": "community"} {
		t.Run(set, func(t *testing.T) {
			t.Parallel()
			dsn, uploads, folder := pgtest.Golden(t, set)
			conn := connect(t, dsn)
			email, key := anOwner(t, dsn, organization)
			s := startServing(t, t.TempDir(), "--source", withPassword(t, dsn), "--uploads", uploads, "--archives", t.TempDir(),
				"--avatar-salt", "spec-avatar-salt", "--external-host", "chat.example.test", "--scheme", "http", "--zulip-version", "11.0-dev+git")
			c := &zulipServer{t, s, organization + ".chat.example.test", email, key}

			if got := c.call(http.MethodPost, "/api/v1/export/realm", url.Values{"export_type": {"2"}}); got["result"] != "success" {
				t.Fatalf("got %v, want an export", got)
			}
			last := c.wait()
			link, ok := last["export_url"].(string)
			if !ok || !strings.HasPrefix(link, "http://"+c.host+"/user_avatars/exports/") {
				t.Fatalf("got %v, want a link", last)
			}
			path := strings.TrimPrefix(link, "http://"+c.host)
			name := writeFile(t, filepath.Join(t.TempDir(), "archive.tar.gz"), c.fetch(path, http.StatusOK))
			run(t, "verify", name).want(t, exitOK, says("is whole and consistent"), nil)
			sameRows(t, filepath.Join(folder, "reference-type2.tar.gz"), name)

			id, err := json.Marshal(last["id"])
			if err != nil {
				t.Fatal(err)
			}
			if got := c.call(http.MethodDelete, "/api/v1/export/realm/"+string(id), nil); got["result"] != "success" {
				t.Errorf("delete: got %v", got)
			}
			c.fetch(path, http.StatusNotFound)
			var status int
			var events []int32
			if err := conn.QueryRow(t.Context(), "SELECT status FROM zulip.zerver_realmexport WHERE id = $1::text::bigint", string(id)).Scan(&status); err != nil || status != 5 {
				t.Errorf("got status %d, %v, want 5", status, err)
			}
			err = conn.QueryRow(t.Context(), `SELECT array_agg(event_type::int ORDER BY id) FROM zulip.zerver_realmauditlog
				WHERE extra_data ->> 'realm_export_id' = $1`, string(id)).Scan(&events)
			if err != nil || !slices.Equal(events, []int32{206, 230}) {
				t.Errorf("got audit events %v, %v, want 206 and 230", events, err)
			}
			s.stop(t)
		})
	}
}

// anOwner gives an owner of an organization an API key.
func anOwner(t *testing.T, dsn, organization string) (email, key string) {
	t.Helper()
	key = "0123456789abcdefghijABCDEFGHIJKL"
	err := connect(t, dsn).QueryRow(t.Context(), `UPDATE zulip.zerver_userprofile SET api_key = $1 WHERE id = (
		SELECT u.id FROM zulip.zerver_userprofile AS u JOIN zulip.zerver_realm AS r ON r.id = u.realm_id
		WHERE r.string_id = $2 AND u.role = 100 AND u.is_active AND NOT u.is_bot ORDER BY u.id LIMIT 1)
		RETURNING delivery_email`, key, organization).Scan(&email)
	if err != nil {
		t.Fatal(err)
	}
	return email, key
}

// TestServeBuckets serves a Zulip server whose files are in buckets, with its archives in a bucket of their own, and in the one of avatars.
func TestServeBuckets(t *testing.T) {
	t.Parallel()
	for name, shared := range map[string]bool{"own": false, "shared": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program(t)
			dsn, _, _ := pgtest.Golden(t, "community")
			config, uploads, avatars, folder := s3test.Golden(t)
			bucket := avatars
			if !shared {
				_, bucket = s3test.Bucket(t)
			}
			change, err := os.ReadFile(filepath.Join(folder, "after-community.sql"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := connect(t, dsn).Exec(t.Context(), string(change)); err != nil {
				t.Fatal(err)
			}
			email, key := anOwner(t, dsn, "community")
			args := []string{
				"--source", withPassword(t, dsn), "--avatar-salt", "spec-avatar-salt", "--external-host", "chat.example.test", "--scheme", "http",
				"--zulip-version", "11.0-dev+git", "--s3-endpoint", config.Endpoint, "--s3-region", config.Region, "--s3-addressing", "path",
				"--s3-uploads-bucket", uploads, "--s3-avatars-bucket", avatars, "--parts-min-messages", "1", "--stale", "6s",
			}
			if !shared {
				args = append(args, "--s3-archives-bucket", bucket)
			}
			secrets := []string{"REALMPORT_S3_ACCESS_KEY=" + config.AccessKey, "REALMPORT_S3_SECRET_KEY=" + config.SecretKey}
			s := launch(t, program(t), secrets, t.TempDir(), args...)
			s.site = s.address()
			c := &zulipServer{t, s, "community.chat.example.test", email, key}
			before := s3test.Keys(t, config, bucket)
			if got := c.call(http.MethodPost, "/api/v1/export/realm", url.Values{"export_type": {"2"}}); got["result"] != "success" {
				t.Fatalf("got %v, want an export", got)
			}
			last := c.wait()
			link, ok := last["export_url"].(string)
			if !ok || strings.Contains(link, "?") == shared || strings.Count(link, bucket) != 1 {
				t.Fatalf("got %v, want a link with the bucket once, signed unless it is public", last)
			}
			_, key, _ = strings.Cut(link, "/"+bucket+"/")
			key, _, _ = strings.Cut(key, "?")
			archive := fetch(t, config, bucket, key)
			run(t, "verify", archive).want(t, exitOK, says("is whole and consistent"), nil)
			sameRows(t, filepath.Join(folder, "reference-type2.tar.gz"), archive)
			if got, want := s3test.Keys(t, config, bucket), append(before, key); len(got) != len(want) {
				t.Errorf("got objects %q, want the archive beside what was there", got)
			}
			id, err := json.Marshal(last["id"])
			if err != nil {
				t.Fatal(err)
			}
			if got := c.call(http.MethodDelete, "/api/v1/export/realm/"+string(id), nil); got["result"] != "success" {
				t.Errorf("delete: got %v", got)
			}
			if got := s3test.Keys(t, config, bucket); !slices.Equal(got, before) {
				t.Errorf("after deleting: got objects %q, want %q", got, before)
			}
			if text := s.stderr.String(); strings.Contains(text, config.SecretKey) || strings.Contains(text, key) || strings.Contains(text, "X-Amz-Signature") {
				t.Errorf("the log tells a secret:\n%s", text)
			}
			s.stop(t)
		})
	}
}

// zulipServer is who asks a service beside a Zulip server.
type zulipServer struct {
	t                *testing.T
	server           *server
	host, email, key string
}

func (c *zulipServer) do(method, path string, form url.Values) (int, string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, c.server.site+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Host = c.host
	req.SetBasicAuth(c.email, c.key)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (c *zulipServer) call(method, path string, form url.Values) map[string]any {
	c.t.Helper()
	_, text := c.do(method, path, form)
	answer := map[string]any{}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		c.t.Fatalf("%s %s: %s", method, path, text)
	}
	return answer
}

func (c *zulipServer) fetch(path string, status int) string {
	c.t.Helper()
	got, text := c.do(http.MethodGet, path, nil)
	if got != status {
		c.t.Errorf("%s: got %d, want %d", path, got, status)
	}
	return text
}

// wait follows the events until the last export is not pending, and returns it.
func (c *zulipServer) wait() map[string]any {
	c.t.Helper()
	queue := c.call(http.MethodPost, "/api/v1/register", url.Values{"event_types": {`["realm_export"]`}})
	id, ok := queue["queue_id"].(string)
	if !ok {
		c.t.Fatalf("got %v, want a queue", queue)
	}
	for event := "-1"; ; {
		list, ok := c.call(http.MethodGet, "/api/v1/export/realm", nil)["exports"].([]any)
		if !ok || len(list) == 0 {
			c.t.Fatal("got no list of exports")
		}
		if last, ok := list[len(list)-1].(map[string]any); !ok || last["pending"] == false {
			return last
		}
		answer := c.call(http.MethodGet, "/api/v1/events?"+url.Values{"queue_id": {id}, "last_event_id": {event}}.Encode(), nil)
		events, ok := answer["events"].([]any)
		if !ok || len(events) == 0 {
			c.t.Fatalf("got %v, want events", answer)
		}
		if e, ok := events[len(events)-1].(map[string]any); ok {
			text, err := json.Marshal(e["id"])
			if err != nil {
				c.t.Fatal(err)
			}
			event = string(text)
		}
	}
}

// sameRows compares how many rows of each kind two archives have. What the rows hold is compared by the tests of the engine.
func sameRows(t *testing.T, reference, candidate string) {
	t.Helper()
	want, got := rowCounts(t, reference), rowCounts(t, candidate)
	for _, table := range slices.Sorted(maps.Keys(want)) {
		if table == "zerver_realmauditlog" || table == "zerver_realmexport" { // which tell of the export itself
			continue
		}
		if got[table] != want[table] {
			t.Errorf("%s: got %d rows, want %d as in the reference's archive", table, got[table], want[table])
		}
	}
}

// rowCounts counts the rows of an archive's lists.
func rowCounts(t *testing.T, name string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for file, text := range contents(t, name) {
		if !strings.HasSuffix(file, ".json") || strings.Contains(file, "/") || !strings.HasPrefix(strings.TrimSpace(text), "{") ||
			file == "stats.json" || file == "migration_status.json" {
			continue
		}
		var lists map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &lists); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for table, list := range lists {
			var rows []json.RawMessage
			if json.Unmarshal(list, &rows) == nil {
				counts[table] += len(rows)
			}
		}
	}
	return counts
}
