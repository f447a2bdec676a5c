package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/demo"
)

// service is the program at work as a service.
type service struct {
	cmd     *exec.Cmd
	address string // host and port
	started float64
}

// serve starts the service and waits until it answers.
func (b *bench) serve(args ...string) (*service, error) {
	cmd := exec.Command(b.binary, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "REALMPORT_") })
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	begun := clock.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &service{cmd: cmd}
	var said strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		if _, address, ok := strings.Cut(lines.Text(), "msg=serving address="); ok {
			s.address, s.started = address, clock.Now().Sub(begun).Seconds()
			go func() { _, _ = io.Copy(io.Discard, stderr) }()
			return s, nil
		}
	}
	return nil, fmt.Errorf("the service did not start: %w: %s", cmd.Wait(), said.String())
}

func (s *service) stop() error {
	return errors.Join(s.cmd.Process.Signal(syscall.SIGTERM), s.cmd.Wait())
}

// resident returns the service's resident memory in MiB.
func (s *service) resident() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var kib float64
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &kib); err == nil {
			return kib / 1024, nil
		}
	}
	return 0, errors.New("the system does not tell the resident memory")
}

// caller is an administrator with a connection of their own.
type caller struct {
	service    *service
	client     *http.Client
	host       string // "" for the service's own
	email, key string
}

func (s *service) caller(host, email, key string) *caller {
	return &caller{s, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}, host, email, key}
}

// call makes a request and returns its seconds. An answer that is no success is an error.
func (c *caller) call(ctx context.Context, method, path string, form url.Values) (float64, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.service.address+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	if c.host != "" {
		req.Host = c.host
	}
	req.SetBasicAuth(c.email, c.key)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	begun := clock.Now()
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(resp.Body)
	seconds := clock.Now().Sub(begun).Seconds()
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return 0, "", err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, "", fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return seconds, string(text), nil
}

// Settings under which nobody is refused.
func unlimited() []string {
	return []string{"--rate-limit", "60:100000", "--policy-exports-per-week", "0", "--policy-resend-window", "0s"}
}

// embedded measures the embedded store: its start, its rest, and how long a request for an export takes.
func (b *bench) embedded(ctx context.Context) error {
	var starts []float64
	for n := range b.runs {
		s, err := b.serve("--demo", "--data", filepath.Join(b.folder, fmt.Sprint("cold", n)))
		if err != nil {
			return err
		}
		starts = append(starts, s.started)
		if err := s.stop(); err != nil {
			return err
		}
	}
	b.row("cold start with the demo organization", "%.2f s (target: less than 3)", median(starts))

	data := filepath.Join(b.folder, "embedded")
	s, err := b.serve(append(unlimited(), "--demo", "--data", data)...)
	if err != nil {
		return err
	}
	defer func() { _ = s.cmd.Process.Kill() }()
	pause(ctx, 10*time.Second)
	fresh, err := s.resident()
	if err != nil {
		return err
	}
	email, key, err := account(filepath.Join(data, "zuliprc"))
	if err != nil {
		return err
	}
	if err := b.requests(ctx, s, email, key); err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	b.row("memory at rest, just after the demo organization was made", "%.1f MiB (target: less than 40)", fresh)
	return nil
}

// administrators is how many ask at the same time, and rounds how often.
const (
	administrators = 50
	rounds         = 5
	every          = 10 * time.Second
)

// requests measures how long it takes until an export is queued, while those that were asked for are made: when each of many
// administrators asks now and then, and when all ask at the same moment.
func (b *bench) requests(ctx context.Context, s *service, email, key string) error {
	callers := make([]*caller, administrators)
	for n := range callers {
		callers[n] = s.caller("", email, key)
	}
	var apart, together []float64
	var mu sync.Mutex
	var errs []error
	var wait sync.WaitGroup
	for n, c := range callers {
		wait.Go(func() {
			pause(ctx, every*time.Duration(n)/administrators)
			for range rounds {
				seconds, _, err := c.call(ctx, http.MethodPost, "/api/v1/export/realm", nil)
				mu.Lock()
				apart, errs = append(apart, seconds), append(errs, err)
				mu.Unlock()
				pause(ctx, every)
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for range rounds {
		times, err := ask(ctx, callers)
		if err != nil {
			return err
		}
		together = append(together, times...)
		pause(ctx, every)
	}
	for _, at := range []struct {
		name, target string
		times        []float64
	}{{"each every 10 s", " (target: less than 5)", apart}, {"all at the same moment", "", together}} {
		slices.Sort(at.times)
		b.row(fmt.Sprintf("POST to queued, %d administrators, %s", administrators, at.name),
			"%.1f ms at the 99th percentile, %.1f ms at the median%s", 1000*at.times[len(at.times)*99/100], 1000*median(at.times), at.target)
	}
	return nil
}

// ask lets all callers ask for an export at the same moment, over connections that are made already, and returns their seconds.
func ask(ctx context.Context, callers []*caller) ([]float64, error) {
	times, errs := make([]float64, len(callers)), make([]error, len(callers))
	var ready, wait sync.WaitGroup
	begin := make(chan struct{})
	for n, c := range callers {
		ready.Add(1)
		wait.Go(func() {
			_, _, errs[n] = c.call(ctx, http.MethodGet, "/health", nil)
			ready.Done()
			<-begin
			if errs[n] == nil {
				times[n], _, errs[n] = c.call(ctx, http.MethodPost, "/api/v1/export/realm", nil)
			}
		})
	}
	ready.Wait()
	close(begin)
	wait.Wait()
	return times, errors.Join(errs...)
}

// account reads a zuliprc.
func account(name string) (email, key string, err error) {
	text, err := os.ReadFile(name)
	for line := range strings.Lines(string(text)) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), "="); name {
		case "email":
			email = value
		case "key":
			key = value
		}
	}
	return email, key, err
}

// pause waits for a while.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// Many organizations of one server.
const (
	manyRealms = 500
	pollFor    = 30 * time.Second
)

// many lets an administrator of each of many organizations list its exports every second and wait for events.
func (b *bench) many(ctx context.Context) error {
	dsn, err := b.organization(ctx, "many", manyRealms, 10*manyRealms)
	if err != nil {
		return err
	}
	accounts, err := realmAccounts(ctx, dsn)
	if err != nil {
		return err
	}
	s, err := b.serve(append(unlimited(), "--source", dsn, "--data", filepath.Join(b.folder, "many"), "--archives", filepath.Join(b.folder, "archives"),
		"--external-host", demo.ExternalHost)...)
	if err != nil {
		return err
	}
	defer func() { _ = s.cmd.Process.Kill() }()
	ctx, cancel := context.WithTimeout(ctx, pollFor)
	defer cancel()
	var calls, failures atomic.Int64
	var mu sync.Mutex
	var times []float64
	var first error
	fail := func(err error) {
		if err != nil && ctx.Err() == nil {
			failures.Add(1)
			mu.Lock()
			first = errors.Join(first, err)
			mu.Unlock()
		}
	}
	var wait sync.WaitGroup
	for _, a := range accounts {
		wait.Go(func() { fail(poll(ctx, s.caller(a.host, a.email, a.key))) })
		wait.Go(func() {
			for c := s.caller(a.host, a.email, a.key); ctx.Err() == nil; pause(ctx, time.Second) {
				seconds, _, err := c.call(ctx, http.MethodGet, "/api/v1/export/realm", nil)
				fail(err)
				if err == nil {
					calls.Add(1)
					mu.Lock()
					times = append(times, seconds)
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	memory, err := s.resident()
	if err := errors.Join(first, err); err != nil {
		return err
	}
	slices.Sort(times)
	b.row(fmt.Sprintf("%d organizations, each listing every second and waiting for events", len(accounts)),
		"%d errors in %d lists, %.0f ms at the 99th percentile, %.1f MiB (target: no errors)",
		failures.Load(), calls.Load(), 1000*times[len(times)*99/100], memory)
	return s.stop()
}

// poll registers a queue and waits for its events.
func poll(ctx context.Context, c *caller) error {
	_, text, err := c.call(ctx, http.MethodPost, "/api/v1/register", url.Values{"event_types": {`["realm_export", "realm_export_consent"]`}})
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(text, `"queue_id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	for ctx.Err() == nil {
		if _, _, err := c.call(ctx, http.MethodGet, "/api/v1/events?last_event_id=-1&queue_id="+id, nil); err != nil {
			return err
		}
	}
	return nil
}

type realmAccount struct{ host, email, key string }

// realmAccounts returns an owner of each organization, whose keys it makes such that they can be used.
func realmAccounts(ctx context.Context, dsn string) ([]realmAccount, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "UPDATE zulip.zerver_userprofile SET api_key = md5('bench' || id)"); err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, `SELECT DISTINCT ON (r.id) r.string_id, u.delivery_email, u.api_key
		FROM zulip.zerver_userprofile AS u JOIN zulip.zerver_realm AS r ON r.id = u.realm_id
		WHERE u.role = 100 AND u.is_active AND NOT u.is_bot ORDER BY r.id, u.id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (realmAccount, error) {
		var a realmAccount
		err := row.Scan(&a.host, &a.email, &a.key)
		a.host += "." + demo.ExternalHost
		return a, err
	})
}
