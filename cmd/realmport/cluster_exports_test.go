package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

// request asks for an export and returns its id.
func (c *cluster) request() int64 {
	c.Helper()
	var answer struct {
		ID  int64
		Msg string
	}
	if err := c.ask(http.MethodPost, url.Values{"export_type": {"2"}}, &answer); err != nil || answer.ID == 0 {
		c.Fatalf("got %v, %v, want an export", answer, err)
	}
	return answer.ID
}

// ask makes a request.
func (c *cluster) ask(method string, form url.Values, answer any) error {
	req, err := http.NewRequestWithContext(c.Context(), method, c.front.site+"/api/v1/export/realm", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Host = clusterHost
	req.SetBasicAuth(c.email, clusterKey)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(answer)
}

// listed is an export as the API lists it.
type listed struct {
	ID      int64
	URL     string   `json:"export_url"`
	Failed  *float64 `json:"failed_timestamp"`
	Pending bool
}

// list lists the exports, as far as the service answers.
func (c *cluster) list() ([]listed, error) {
	var answer struct {
		Result  string
		Exports []listed
	}
	if err := c.ask(http.MethodGet, nil, &answer); err != nil {
		return nil, err
	}
	if answer.Result != "success" {
		return nil, fmt.Errorf("got %q", answer.Result)
	}
	return answer.Exports, nil
}

// ended waits until no export is pending, and returns all.
func (c *cluster) ended() (list []listed) {
	c.Helper()
	c.until("all exports have ended", func() bool {
		var err error
		list, err = c.list()
		return err == nil && !slices.ContainsFunc(list, func(e listed) bool { return e.Pending })
	})
	return list
}

// whole waits for all exports, checks that they have succeeded and hold what an export without help holds, and that nothing else is left.
func (c *cluster) whole() {
	c.Helper()
	list := c.ended()
	if len(list) == 0 {
		c.Error("got no exports")
	}
	var keys []string
	for _, e := range list {
		if e.URL == "" {
			c.Errorf("got %+v, want an export that succeeded", e)
			continue
		}
		u, err := url.Parse(e.URL)
		if err != nil {
			c.Fatal(err)
		}
		keys = append(keys, strings.TrimPrefix(u.Path, "/"+c.bucket+"/"))
		c.same(c.fetch(e.URL))
	}
	c.clean(keys)
}

// fetch fetches an archive by its link, and verifies it.
func (c *cluster) fetch(link string) string {
	c.Helper()
	name := filepath.Join(c.TempDir(), "archive.tar.gz")
	writeFile(c.T, name, get(c.T, link))
	run(c.T, "verify", name).want(c.T, exitOK, says("is whole and consistent"), nil)
	return name
}

// clean waits until nothing is left beside archives with those keys.
func (c *cluster) clean(keys []string) {
	c.Helper()
	slices.Sort(keys)
	var got []string
	var rows int
	clean := func() bool {
		got = s3test.Keys(c.T, c.config, c.bucket)
		slices.Sort(got)
		rows = c.count("SELECT (SELECT count(*) FROM realmport.parts) + (SELECT count(*) FROM realmport.part_plans)")
		return rows == 0 && slices.Equal(got, keys)
	}
	limit, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !clean() {
		select {
		case <-tick.C:
		case <-limit.Done():
			c.Errorf("got %d rows of parts and %q in the bucket, want none and %q", rows, got, keys)
			return
		}
	}
}

// stop ends all processes that still run, in an orderly way, and checks that they leave no temporary files.
func (c *cluster) stop() {
	c.Helper()
	for _, s := range slices.Concat(c.machines, []*server{c.front}) {
		_ = s.Process.Signal(syscall.SIGTERM)
	}
	for _, s := range slices.Concat(c.machines, []*server{c.front}) {
		<-s.ended
		if s.ProcessState.Success() { // one that was killed removes them when it is started again
			c.empty(s)
		}
	}
}

// empty checks that a process has left no temporary files.
func (c *cluster) empty(s *server) {
	c.Helper()
	err := filepath.WalkDir(filepath.Join(s.data, "tmp"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && path != filepath.Join(s.data, "tmp") {
			c.Errorf("a temporary file is left: %s", path)
		}
		if os.IsNotExist(err) {
			return nil
		}
		return err
	})
	if err != nil {
		c.Error(err)
	}
}

// reference is what an export without help holds.
var reference struct {
	once  sync.Once
	files map[string]string
}

// same compares an archive with what an export without help holds.
func (c *cluster) same(name string) {
	c.Helper()
	reference.once.Do(func() {
		dsn := pgtest.Template(c.T, "cluster", generateCluster)
		out := filepath.Join(c.TempDir(), "reference.tar.gz")
		run(c.T, "export", "--source", withPassword(c.T, dsn), "--realm", demo.RulesStringID, "--type", "standard", "--out", out, "--uploads", clusterUploads(),
			"--avatar-salt", demo.AvatarSalt, "--external-host", "chat.example.test", "--migration-status", migrationStatus(c.T), "--quiet").
			want(c.T, exitOK, nil, nil)
		reference.files = plain(c.T, contents(c.T, out))
	})
	got := plain(c.T, contents(c.T, name))
	if diff := cmp.Diff(slices.Sorted(maps.Keys(reference.files)), slices.Sorted(maps.Keys(got))); diff != "" {
		c.Errorf("files of the archive (-alone +together):\n%s", diff)
	}
	for file, text := range reference.files {
		if got[file] != text {
			only, missing := difference(got[file], text), difference(text, got[file])
			c.Errorf("%s: got %d bytes, want the same %d bytes as without help\n+%.300s\n-%.300s", file, len(got[file]), len(text), only, missing)
		}
	}
}

// exportStats counts the rows that tell of the export itself, and all rows.
var exportStats = regexp.MustCompile(`.*"(zerver_realmauditlog|zerver_realmexport)".*\n`)

// plain is what an archive holds, less the rows that tell of the export itself, and with the rows of realm.json sorted: their order is the database's,
// which may choose another one when it has learnt more about its tables.
func plain(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	files["stats.json"] = exportStats.ReplaceAllString(files["stats.json"], "")
	var tables map[string][]json.RawMessage
	if err := json.Unmarshal([]byte(files["realm.json"]), &tables); err != nil {
		t.Fatalf("realm.json: %v", err)
	}
	delete(tables, "zerver_realmexport")
	var lines []string
	for table, rows := range tables {
		for _, row := range rows {
			if table != "zerver_realmauditlog" || !strings.Contains(string(row), `"event_type":206,`) {
				lines = append(lines, table+" "+string(row)+"\n")
			}
		}
	}
	slices.Sort(lines)
	files["realm.json"] = strings.Join(lines, "")
	return files
}

// get fetches what a link is to.
func get(t *testing.T, link string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("fetch an archive: %s, %v", resp.Status, err)
	}
	return string(text)
}

// difference is the lines of a text that another one does not have.
func difference(text, other string) string {
	has := map[string]bool{}
	for line := range strings.Lines(other) {
		has[line] = true
	}
	var only strings.Builder
	for line := range strings.Lines(text) {
		if !has[line] {
			only.WriteString(line)
		}
	}
	return only.String()
}
