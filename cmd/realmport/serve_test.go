package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport/internal/exports"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
)

// client returns the path of a client that the scripts installed.
func client(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", ".clients", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		pgtest.Require(t, name, "it is not installed; run scripts/install-clients.sh")
	}
	return path
}

// output runs a program and returns what it printed.
func output(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // rather than the whole test's time
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = environment(env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, stderr.String())
	}
	return string(out)
}

// TestFirstMinute does what a newcomer does.
func TestFirstMinute(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "realmport-data")
	s := startServer(t, data, "--demo")
	<-s.stdout.has("python3 -c") // the last that it says; it comes by another pipe
	says := s.stdout.String()
	if !strings.Contains(says, "realmport serves the organization ") || !strings.Contains(says, s.site) || strings.Contains(says, s.admin.Key) {
		t.Errorf("got %q, want where it is, and no key", says)
	}
	for _, name := range []string{"zuliprc", "zuliprc-member", "netrc", "organization.db", "state.db", "secrets"} {
		if info, err := os.Stat(filepath.Join(data, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v, want a file for its owner only", name, info, err)
		}
	}
	// The commands it prints, in their order.
	var commands []string
	for line := range strings.Lines(says) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "curl ") {
			commands = append(commands, line)
		}
	}
	if len(commands) != 3 {
		t.Fatalf("got commands %q, want three", commands)
	}
	if got, want := output(t, nil, "sh", "-c", commands[0]), `{"result":"success","msg":"","id":1}`+"\n"; got != want {
		t.Errorf("%s: got %q, want %q", commands[0], got, want)
	}
	list := s.wait(t)
	for _, command := range commands[1:] {
		if got := output(t, nil, "sh", "-c", command); !json.Valid([]byte(got)) || !strings.Contains(got, list[0]["export_url"].(string)) {
			t.Errorf("%s: got %q, want the export's link", command, got)
		}
	}
	s.download(t, list[0])
	// The documentation's own command.
	got := output(t, nil, "curl", "-sSX", "POST", s.site+"/api/v1/export/realm", "-u", s.admin.Email+":"+s.admin.Key, "--data-urlencode", "export_type=1")
	if want := `{"result":"success","msg":"","id":2}` + "\n"; got != want {
		t.Errorf("the documentation's command: got %q, want %q", got, want)
	}
	s.wait(t)
	s.stop(t)

	// A restart keeps everything.
	again := startServer(t, data)
	if again.admin != s.admin {
		t.Error("after a restart: another administrator")
	}
	if got := again.exports(t); len(got) != 2 || got[0]["pending"] == true {
		t.Errorf("after a restart: got %v, want both exports", got)
	}
	// Another process keeps away.
	run(t, "serve", "--data", data, "--listen", "127.0.0.1:0").want(t, exitRunning, nil, []string{"another realmport works in", "--data"})
	again.stop(t)

	out := filepath.Join(t.TempDir(), "again.tar.gz")
	run(t, "export", "--source", "sqlite:"+data, "--realm", "demo", "--type", "full", "--out", out).
		want(t, exitOK, []string{"exported organization", "missing   nothing"}, nil)
	run(t, "verify", out).want(t, exitOK, []string{"is whole and consistent"}, nil)
}

// TestClients talks to the service with Zulip's own clients.
func TestClients(t *testing.T) {
	t.Parallel()
	python := client(t, "python/bin/python3")
	modules := client(t, "javascript/node_modules")
	s := startServer(t, t.TempDir(), "--demo", "--policy-resend-window", "0s")
	admin, member := filepath.Join(s.data, "zuliprc"), filepath.Join(s.data, "zuliprc-member")

	t.Run("two lines of Python", func(t *testing.T) { // acceptance case 99
		got := output(t, nil, python, "testdata/clients/two_lines.py", admin)
		if want := "{'result': 'success', 'msg': '', 'id': 1}\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		s.wait(t)
	})
	t.Run("a whole life in Python", func(t *testing.T) {
		var seen struct {
			Refused, Created, List, Deleted, Consents map[string]any
			Changed, Events                           []map[string]any
			Magic                                     string
			Size, After                               int
		}
		if err := json.Unmarshal([]byte(output(t, nil, python, "testdata/clients/whole_life.py", admin, member)), &seen); err != nil {
			t.Fatal(err)
		}
		if seen.Refused["code"] != "UNAUTHORIZED_PRINCIPAL" {
			t.Errorf("a member: got %v", seen.Refused)
		}
		if seen.Created["id"] != 2.0 || seen.Created["ignored_parameters_unsupported"] != nil {
			t.Errorf("create: got %v", seen.Created)
		}
		if seen.Magic != "1f8b" || seen.Size < 1000 || seen.After != http.StatusNotFound {
			t.Errorf("the archive: got %q, %d bytes, and status %d when it was deleted", seen.Magic, seen.Size, seen.After)
		}
		var types []string
		for i, e := range seen.Events {
			types = append(types, e["type"].(string))
			if e["id"] != float64(i) {
				t.Errorf("event %d has the id %v", i, e["id"])
			}
		}
		want := []string{"realm_export", "realm_export", "realm_export_consent", "realm_export_consent", "realm_export"}
		if diff := cmp.Diff(want, types); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if seen.Deleted["result"] != "success" || len(seen.Changed) != 2 || seen.Changed[0]["result"] != "success" {
			t.Errorf("got deleted %v, changed %v", seen.Deleted, seen.Changed)
		}
		if list, ok := seen.Consents["export_consents"].([]any); !ok || len(list) < 30 {
			t.Errorf("consents: got %v", seen.Consents)
		}
	})
	t.Run("JavaScript", func(t *testing.T) {
		var seen struct {
			Created, List, Ended map[string]any
			Events               []map[string]any
		}
		out := output(t, []string{"NODE_PATH=" + modules}, "node", "testdata/clients/client.cjs", admin)
		if err := json.Unmarshal([]byte(out), &seen); err != nil {
			t.Fatal(err)
		}
		if seen.Created["id"] != 3.0 || len(seen.Events) != 2 || seen.Ended["result"] != "success" {
			t.Errorf("got created %v, %d events, ended %v", seen.Created, len(seen.Events), seen.Ended)
		}
		if list, ok := seen.List["exports"].([]any); !ok || len(list) != 3 {
			t.Errorf("list: got %v", seen.List)
		}
	})
	if left := s.leftovers(t); len(left) > 0 {
		t.Errorf("got left over %q", left)
	}
}

// TestDescription has the API's description checked against the service by a program that makes requests up from it.
func TestDescription(t *testing.T) {
	t.Parallel()
	tool := client(t, "python/bin/schemathesis")
	s := startServer(t, t.TempDir(), "--demo", "--demo-size", "500", "--rate-limit", "60:100000")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	// What is left out holds an API to be stricter than Zulip's: it passes over parameters that it does not know.
	cmd := exec.CommandContext(ctx, tool, "run", s.site+"/realmport/v1/openapi.yaml", "--url", s.site, "--auth", s.admin.Email+":"+s.admin.Key,
		"--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--request-timeout", "10", "--seed", "1", "--no-color",
		"--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,ignored_auth")
	cmd.Env, cmd.Dir = environment(), t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, strings.ReplaceAll(string(out), s.admin.Key, "***"))
	}
	if !strings.Contains(string(out), "Test cases:") {
		t.Errorf("got %s, want a report", out)
	}
	for _, e := range s.wait(t) { // what was asked for on the way
		if e["export_url"] == nil && e["failed_timestamp"] == nil && e["deleted_timestamp"] == nil {
			t.Errorf("got %v, want an export that has ended", e)
		}
	}
	s.stop(t)
}

// TestKilledAtEachStep kills the service with an export under way, at each step of it, and starts it again.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{
		exports.StepClaim, exports.StepStart, exports.StepWrite, exports.StepBuilt, exports.StepPublish, exports.StepFinish, exports.StepTell,
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			s := startServerAs(t, self, []string{killEnv + "=" + step}, data, "--demo", "--demo-size", "600")
			s.create(t)
			<-s.ended
			if s.ProcessState.ExitCode() != -1 {
				t.Fatalf("got %v, want that it was killed:\n%s", s.ProcessState, s.stderr.String())
			}
			s = startServer(t, data)
			list := s.wait(t)
			s.download(t, list[0])
			if left := s.leftovers(t); len(left) > 0 {
				t.Errorf("got left over %q", left)
			}
			s.stop(t)
		})
	}
}

// TestKilledAsTheReference does so under the reference's policy: what was begun has failed, what was not is made, and nothing is left.
func TestKilledAsTheReference(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for step, failed := range map[string]bool{exports.StepClaim: false, exports.StepStart: false, exports.StepWrite: true, exports.StepFinish: true} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			s := startServerAs(t, self, []string{killEnv + "=" + step}, data, "--demo", "--demo-size", "600", "--profile", "zulip")
			s.create(t)
			<-s.ended
			s = startServer(t, data, "--profile", "zulip")
			if e := s.wait(t)[0]; (e["failed_timestamp"] != nil) != failed {
				t.Errorf("got %v, want it failed: %v", e, failed)
			}
			if left := s.leftovers(t); len(left) > 0 {
				t.Errorf("got left over %q", left)
			}
			s.stop(t)
		})
	}
}

// TestKilledAnytime kills the service again and again while it makes exports.
func TestKilledAnytime(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServer(t, data, "--demo", "--policy-exports-per-week", "0", "--policy-resend-window", "0s", "--policy-attempts", "100")
	const rounds = 8
	for i := range rounds {
		s.create(t)
		s.create(t)
		// What is under way when it is killed is left to chance: the seed is told.
		seed := rand.Uint64()
		t.Logf("round %d: seed %d", i, seed)
		pause := time.NewTimer(time.Duration(rand.New(rand.NewPCG(seed, 0)).Int64N(int64(700 * time.Millisecond))))
		<-pause.C
		if err := s.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-s.ended
		s = startServer(t, data, "--policy-exports-per-week", "0", "--policy-resend-window", "0s", "--policy-attempts", "100")
	}
	list := s.wait(t)
	if len(list) != 2*rounds {
		t.Errorf("got %d exports, want %d", len(list), 2*rounds)
	}
	for _, e := range list {
		if e["export_url"] == nil {
			t.Errorf("got %v, want an export that succeeded", e)
		}
	}
	s.download(t, list[rand.IntN(len(list))])
	if left := s.leftovers(t); len(left) > 0 {
		t.Errorf("got left over %q", left)
	}
	s.stop(t)
}

// TestStoppedAtWork stops the service while it makes an export: the export goes back to the queue, and is made later.
func TestStoppedAtWork(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServer(t, data, "--demo", "--demo-size", "20000")
	s.create(t)
	s.stop(t)
	if got := s.stderr.String(); !strings.Contains(got, "msg=stopped") {
		t.Errorf("got log %q, want that it stopped", got)
	}
	s = startServer(t, data)
	s.download(t, s.wait(t)[0])
	if left := s.leftovers(t); len(left) > 0 {
		t.Errorf("got left over %q", left)
	}
	s.stop(t)
}
