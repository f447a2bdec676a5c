package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/realmport/realmport/internal/datadir"
)

// server is the real program as a service.
type server struct {
	*exec.Cmd
	stdout, stderr stream
	ended          chan struct{}
	data           string
	site           string
	admin          datadir.Account
}

// environment is the test's, less what would configure the service.
func environment(more ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "REALMPORT_") })
	return append(env, more...)
}

// startServer starts the service on a data folder, on any port, and waits until it answers.
func startServer(t *testing.T, data string, args ...string) *server {
	t.Helper()
	return startServerAs(t, program(t), nil, data, args...)
}

func startServerAs(t *testing.T, name string, env []string, data string, args ...string) *server {
	t.Helper()
	s := launch(t, name, env, data, args...)
	rc, err := os.ReadFile(filepath.Join(data, datadir.AdministratorFile))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(rc)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "email":
			s.admin.Email = value
		case "key":
			s.admin.Key = value
		case "site":
			s.site = value
		}
	}
	return s
}

// startServing starts the service beside a Zulip server, whose organizations have no files to log in with.
func startServing(t *testing.T, data string, args ...string) *server {
	t.Helper()
	s := launch(t, program(t), nil, data, args...)
	s.site = s.address()
	return s
}

// address is where the service says that it is.
func (s *server) address() string {
	_, address, _ := strings.Cut(s.stderr.String(), "msg=serving address=")
	address, _, _ = strings.Cut(address, "\n")
	return "http://" + address
}

// launch starts the service and waits until it answers.
func launch(t *testing.T, name string, env []string, data string, args ...string) *server {
	t.Helper()
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data}, args...)
	s := spawn(t, exec.CommandContext(context.WithoutCancel(t.Context()), name, args...), env, data)
	s.ready(t, "msg=serving address=")
	return s
}

// spawn starts a process of the program, which is killed at the end of the test.
func spawn(t *testing.T, cmd *exec.Cmd, env []string, data string) *server {
	t.Helper()
	s := &server{Cmd: cmd, ended: make(chan struct{}), data: data}
	s.Stdout, s.Stderr, s.Env = &s.stdout, &s.stderr, environment(env...)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() {
		_ = s.Process.Kill() // if the test did not end it
		<-s.ended
	})
	return s
}

// ready waits until the process has said the text.
func (s *server) ready(t *testing.T, text string) {
	t.Helper()
	select {
	case <-s.stderr.has(text):
	case <-s.ended:
		t.Fatalf("the process ended: %v\n%s%s", s.ProcessState, s.stdout.String(), s.stderr.String())
	}
}

// stop asks the service to end, and waits.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.ended
	if !s.ProcessState.Success() {
		t.Errorf("the service ended with %v:\n%s", s.ProcessState, s.stderr.String())
	}
}

// call makes a request as the administrator, and decodes the answer.
func (s *server) call(t *testing.T, method, path string, form url.Values) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.site+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(s.admin.Email, s.admin.Key)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer := map[string]any{}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return answer
}

// create asks for an export and returns its id.
func (s *server) create(t *testing.T) int64 {
	t.Helper()
	answer := s.call(t, http.MethodPost, "/api/v1/export/realm", url.Values{"export_type": {"2"}})
	id, ok := answer["id"].(float64)
	if !ok {
		t.Fatalf("got %v, want an id", answer)
	}
	return int64(id)
}

// exports lists the exports.
func (s *server) exports(t *testing.T) []map[string]any {
	t.Helper()
	var list []map[string]any
	items, ok := s.call(t, http.MethodGet, "/api/v1/export/realm", nil)["exports"].([]any)
	if !ok {
		t.Fatal("got no list of exports")
	}
	for _, item := range items {
		export, ok := item.(map[string]any)
		if !ok {
			t.Fatalf("got %v in the list of exports", item)
		}
		list = append(list, export)
	}
	return list
}

// wait waits by events until no export is pending, and returns the list.
func (s *server) wait(t *testing.T) []map[string]any {
	t.Helper()
	queue := s.call(t, http.MethodPost, "/api/v1/register", url.Values{"event_types": {`["realm_export"]`}})
	id, ok := queue["queue_id"].(string)
	if !ok {
		t.Fatalf("got %v, want a queue", queue)
	}
	last := "-1"
	for {
		list := s.exports(t)
		if !slices.ContainsFunc(list, func(e map[string]any) bool { return e["pending"] == true }) {
			return list
		}
		answer := s.call(t, http.MethodGet, "/api/v1/events?"+url.Values{"queue_id": {id}, "last_event_id": {last}}.Encode(), nil)
		events, ok := answer["events"].([]any)
		if !ok {
			t.Fatalf("got %v, want events", answer)
		}
		for _, e := range events {
			event, ok := e.(map[string]any)
			if !ok {
				t.Fatalf("got event %v", e)
			}
			text, err := json.Marshal(event["id"])
			if err != nil {
				t.Fatal(err)
			}
			last = string(text)
		}
	}
}

// download fetches an archive into a file and verifies it.
func (s *server) download(t *testing.T, export map[string]any) string {
	t.Helper()
	link, ok := export["export_url"].(string)
	if !ok {
		t.Fatalf("got %v, want an export with a link", export)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", link, resp.Status, err)
	}
	name := writeFile(t, filepath.Join(t.TempDir(), "archive.tar.gz"), string(content))
	run(t, "verify", name).want(t, exitOK, says("is whole and consistent"), nil)
	return name
}

// leftovers lists temporary files, and archives beyond those that exports link to.
func (s *server) leftovers(t *testing.T) []string {
	t.Helper()
	links := map[string]bool{}
	for _, e := range s.exports(t) {
		if link, ok := e["export_url"].(string); ok {
			links[filepath.Base(link)] = true
		}
	}
	var left []string
	for _, dir := range []string{filepath.Join(s.data, "tmp"), filepath.Join(s.data, "uploads", "avatars", "exports")} {
		err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			if err == nil && filepath.Dir(path) != filepath.Dir(dir) && !links[filepath.Base(path)] && strings.Contains(filepath.Base(path), "zulip-export") {
				left = append(left, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return left
}
