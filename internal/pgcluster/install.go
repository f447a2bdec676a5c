package pgcluster

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// clusterConf is where Debian's packages read whether to create a cluster
// of their own, which would start a server.
const clusterConf = "/etc/postgresql-common/createcluster.conf"

// canInstall tells whether install could work here.
func canInstall() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil && os.Geteuid() == 0
}

// install installs Debian's PostgreSQL server. The package's own cluster is not
// created, so no server is left running.
func install(ctx context.Context, log io.Writer) error {
	steps := []func() error{
		func() error { return aptGet(ctx, log, "update") },
		func() error { return aptGet(ctx, log, "install", "-y", "--no-install-recommends", "postgresql-common") },
		func() error { return forbidMainCluster(clusterConf) },
		func() error { return aptGet(ctx, log, "install", "-y", "--no-install-recommends", "postgresql") },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func aptGet(ctx context.Context, log io.Writer, args ...string) error {
	var tail bytes.Buffer
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = &tail, &tail
	if log != nil {
		cmd.Stdout, cmd.Stderr = log, io.MultiWriter(log, &tail)
	}
	if err := cmd.Run(); err != nil {
		text := tail.Bytes()
		return fmt.Errorf("run apt-get %s: %w: %s", args[0], err, text[max(0, len(text)-2000):])
	}
	return nil
}

// forbidMainCluster appends the setting to the file; the last one counts.
func forbidMainCluster(path string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("forbid the default cluster: %w", err)
	}
	if _, err := f.WriteString("\ncreate_main_cluster = false\n"); err != nil {
		_ = f.Close()
		return fmt.Errorf("forbid the default cluster: %w", err)
	}
	return f.Close()
}
