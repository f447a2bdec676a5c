package main

import (
	"bufio"
	"context"
	"encoding/json"
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
	"syscall"

	"github.com/realmport/realmport/internal/demo"
)

// configure writes the configuration of a place's processes, with further lines. The S3 server is reached at the endpoint.
func (b *bench) configure(p *place, endpoint, more string) (string, error) {
	name := filepath.Join(b.folder, p.name+".yaml")
	text := fmt.Sprintf(`source: %q
external_host: %s
zulip_version: "11.0"
zulip_feature_level: 449
rate_limit: "60:100000"
listen: 127.0.0.1:0
policy: {exports_per_week: 0, resend_window: 0s, full: true}
s3:
  endpoint: %q
  region: %s
  addressing: path
  access_key: %q
  secret_key: %q
  uploads_bucket: %s
  avatars_bucket: %s
  archives_bucket: %s
%s
`, p.dsn, demo.ExternalHost, endpoint, b.s3.Region, b.s3.AccessKey, b.s3.SecretKey, p.bucket("uploads"), p.bucket("avatars"), p.bucket("archives"), more)
	return name, os.WriteFile(name, []byte(text), 0o600)
}

// process is the program at work.
type process struct {
	cmd     *exec.Cmd
	address string // of a service
	log     *os.File
}

// start starts the program with a data folder of its own, and waits until it says that it is ready. With core >= 0 it is held to that processor.
func (b *bench) start(config, name string, core int, args ...string) (*process, error) {
	args = append(args, "--config", config, "--data", filepath.Join(b.folder, name))
	program := b.binary
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "REALMPORT_") })
	if core >= 0 {
		env = append(env, "GOMAXPROCS=1")
		if taskset, err := exec.LookPath("taskset"); err == nil {
			program, args = taskset, append([]string{"-c", fmt.Sprint(core), program}, args...)
		}
	}
	p := &process{cmd: exec.Command(program, args...)}
	p.cmd.Env = env
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if p.log, err = os.Create(filepath.Join(b.folder, name+".log")); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	var said strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		_, address, serves := strings.Cut(lines.Text(), "msg=serving address=")
		if serves || strings.Contains(lines.Text(), "msg=working") {
			p.address = address
			go func() { _, _ = io.Copy(p.log, stderr) }()
			return p, nil
		}
	}
	return nil, fmt.Errorf("realmport %s did not start: %w: %s", args[0], p.cmd.Wait(), said.String())
}

// stop asks a process to end, and waits.
func (p *process) stop() error {
	return errors.Join(p.cmd.Process.Signal(syscall.SIGTERM), p.cmd.Wait(), p.log.Close())
}

// kill ends a process that was not stopped; else it does nothing.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// team is a service that makes no exports, and processes that do.
type team struct {
	service *process
	workers []*process
}

// team starts the processes. With pin each worker is held to a processor of its own.
func (b *bench) team(config, name string, workers int, pin bool) (_ *team, err error) {
	t := &team{}
	defer func() {
		if err != nil {
			t.kill()
		}
	}()
	if t.service, err = b.start(config, name+"-serve", -1, "serve", "--no-work"); err != nil {
		return nil, err
	}
	for n := range workers {
		core := -1
		if pin {
			core = n
		}
		w, err := b.start(config, fmt.Sprintf("%s-work%d", name, n), core, "work")
		if err != nil {
			return nil, err
		}
		t.workers = append(t.workers, w)
	}
	return t, nil
}

func (t *team) all() []*process { return append(slices.Clone(t.workers), t.service) }

func (t *team) stop() error {
	var errs []error
	for _, p := range t.all() {
		errs = append(errs, p.stop())
	}
	return errors.Join(errs...)
}

func (t *team) kill() {
	for _, p := range t.all() {
		if p != nil {
			p.kill()
		}
	}
}

// peak is the most memory that any worker took, in MiB.
func (t *team) peak() (float64, error) {
	most := 0.0
	for _, w := range t.workers {
		mib, err := peakOf(w.cmd.Process.Pid)
		if err != nil {
			return 0, err
		}
		most = max(most, mib)
	}
	return most, nil
}

// request asks for a full export and returns its id.
func (t *team) request(ctx context.Context, a account) (int64, error) {
	form := url.Values{"export_type": {"full_without_consent"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+t.service.address+"/api/v1/export/realm", strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	req.Host = a.host
	req.SetBasicAuth(a.email, a.key)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	var answer struct{ ID int64 }
	if err := json.Unmarshal(text, &answer); err != nil || answer.ID == 0 {
		return 0, fmt.Errorf("ask for an export: %s: %s", resp.Status, text)
	}
	return answer.ID, nil
}
