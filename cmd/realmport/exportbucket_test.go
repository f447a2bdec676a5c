package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

// bucketEnv is an environment that says how to reach a server of buckets.
func bucketEnv(config s3.Config) map[string]string {
	return map[string]string{
		"REALMPORT_S3_ENDPOINT": config.Endpoint, "REALMPORT_S3_REGION": config.Region, "REALMPORT_S3_ACCESS_KEY": config.AccessKey,
		"REALMPORT_S3_SECRET_KEY": config.SecretKey, "REALMPORT_S3_ADDRESSING": "path",
	}
}

// fetch gets an archive of a bucket into a file.
func fetch(t *testing.T, config s3.Config, bucket, key string) string {
	t.Helper()
	client, err := s3.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	link, err := s3.OpenStock(client, s3.StockConfig{Bucket: bucket}).Link(t.Context(), key, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", key, resp.Status, err)
	}
	return writeFile(t, filepath.Join(t.TempDir(), "fetched.tar.gz"), string(text))
}

// TestExportToBucket exports into a bucket, with files from buckets.
func TestExportToBucket(t *testing.T) {
	t.Parallel()
	f := setup(t)
	config, bucket := s3test.Bucket(t)
	env := bucketEnv(config)
	out := "s3://" + bucket + "/archives/demo.tar.gz"
	alone := run(t, f.args(t)...)
	args := f.args(t, "--out", out)
	c := &cli{env: env}
	r := c.run(t.Context(), t, args...)
	if r.status != alone.status || !strings.Contains(r.stdout, "to "+out+"\n") || !strings.Contains(r.stdout, digest(t, f.out)) {
		t.Errorf("got status %d, %s%s, want the same as into a file:\n%s", r.status, r.stdout, r.stderr, alone.stdout)
	}
	if got, want := digest(t, fetch(t, config, bucket, "archives/demo.tar.gz")), digest(t, f.out); got != want {
		t.Errorf("got an archive with digest %s, want %s as in a file", got, want)
	}
	(&cli{env: env}).run(t.Context(), t, args...).want(t, exitError, nil, says(out+" exists already", "--force"))
	if r := (&cli{env: env}).run(t.Context(), t, f.args(t, "--out", out, "--force")...); r.status != alone.status {
		t.Errorf("with --force: got %d, %s", r.status, r.stderr)
	}
	if got := s3test.Keys(t, config, bucket); !slices.Equal(got, []string{"archives/demo.tar.gz"}) {
		t.Errorf("got objects %q, want the archive", got)
	}
	secret := config.SecretKey
	f = f.elsewhere(t)
	for name, tt := range map[string]struct {
		env  map[string]string
		args []string
		want []string
	}{
		"no bucket":      {env, f.args(t, "--out", "s3://"+bucket+"-none/x.tar.gz"), says(bucket + "-none")},
		"no key":         {env, f.args(t, "--out", "s3://"+bucket), says("s3://BUCKET/KEY")},
		"one bucket":     {env, f.args(t, "--s3-uploads-bucket", bucket, "--uploads", ""), says("--s3-avatars-bucket")},
		"both":           {env, f.args(t, "--s3-uploads-bucket", bucket, "--s3-avatars-bucket", bucket), says("--uploads")},
		"jobs, no parts": {env, f.args(t, "--jobs", f.dsn), says("--s3-parts-bucket")},
		"two buckets":    {env, f.args(t, "--jobs", f.dsn, "--s3-parts-bucket", "other-bucket", "--out", "s3://"+bucket+"/x.tar.gz"), says("other-bucket")},
	} {
		r := (&cli{env: tt.env}).run(t.Context(), t, tt.args...)
		if r.status == exitOK || r.status == exitPartial || strings.Contains(r.stdout+r.stderr, secret) {
			t.Errorf("%s: got status %d, %s", name, r.status, r.stderr)
		}
		for _, want := range tt.want {
			if !strings.Contains(r.stderr, want) {
				t.Errorf("%s: got %q, want %q in it", name, r.stderr, want)
			}
		}
	}
}

// TestExportWithJobs exports from the command line with the help of another process: it is the same archive, in a file and in a bucket.
func TestExportWithJobs(t *testing.T) {
	t.Parallel()
	f := setup(t)
	config, bucket := s3test.Bucket(t)
	env := bucketEnv(config)
	alone := run(t, f.args(t)...)
	want := digest(t, f.out)

	list := []string{"REALMPORT_S3_ARCHIVES_BUCKET=" + bucket}
	for key, value := range env {
		list = append(list, key+"="+value)
	}
	worker := launchWorker(t, list, t.TempDir(), "--source", f.dsn, "--uploads", f.uploads, "--avatar-salt", demo.AvatarSalt,
		"--external-host", demo.ExternalHost, "--zulip-migration-status", migrationStatus(t))
	together := f.elsewhere(t)
	r := (&cli{env: env}).run(t.Context(), t, together.args(t, "--jobs", f.dsn, "--s3-parts-bucket", bucket)...)
	if r.status != alone.status || digest(t, together.out) != want || !strings.Contains(r.stdout, want) {
		t.Errorf("into a file: got status %d, digest %s, %s%s, want the digest %s", r.status, digest(t, together.out), r.stdout, r.stderr, want)
	}
	r = (&cli{env: env}).run(t.Context(), t, f.args(t, "--jobs", f.dsn, "--out", "s3://"+bucket+"/demo.tar.gz")...)
	if r.status != alone.status {
		t.Errorf("into a bucket: got status %d, %s%s", r.status, r.stdout, r.stderr)
	}
	if got := digest(t, fetch(t, config, bucket, "demo.tar.gz")); got != want {
		t.Errorf("into a bucket: got digest %s, want %s", got, want)
	}
	if got := s3test.Keys(t, config, bucket); !slices.Equal(got, []string{"demo.tar.gz"}) {
		t.Errorf("got objects %q, want the archive", got)
	}
	worker.stop(t)
	if left, err := os.ReadDir(filepath.Join(worker.data, "tmp")); err == nil && len(left) > 0 {
		t.Errorf("got temporary files %v of the worker, want none", left)
	}
}

// launchWorker starts a process that works, and waits until it does.
func launchWorker(t *testing.T, env []string, data string, args ...string) *server {
	t.Helper()
	s := spawn(t, exec.CommandContext(context.WithoutCancel(t.Context()), program(t), append([]string{"work", "--data", data}, args...)...), env, data)
	s.ready(t, "msg=working")
	return s
}
