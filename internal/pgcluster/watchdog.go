package pgcluster

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// watchScript waits for the end of its input, which comes when the parent closes it or
// is no more; then it stops the server if it still runs, and removes the directory. It does
// not run pg_ctl, which root may not.
const watchScript = `
cat >/dev/null
if read -r pid 2>/dev/null <"$2/postmaster.pid"; then
	kill -s QUIT "$pid" 2>/dev/null
	tries=0
	while kill -s 0 "$pid" 2>/dev/null && [ "$tries" -lt 300 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
fi
rm -rf -- "$1"
`

// watchdog is the process that cleans up after a parent that could not.
type watchdog struct {
	cmd   *exec.Cmd
	alive io.Closer // the parent's end of the pipe
}

// watch starts a watchdog over a cluster's directory. It runs in its own process
// group, so that an interrupt from the terminal does not end it.
func watch(dir, data string) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", watchScript, "watch", dir, data)
	cmd.Dir = "/"
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start watchdog: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start watchdog: %w", err)
	}
	return &watchdog{cmd: cmd, alive: alive}, nil
}

// dismiss ends the watchdog and waits for it. Whatever is left of the cluster goes.
func (w *watchdog) dismiss() error {
	if err := w.alive.Close(); err != nil {
		return fmt.Errorf("dismiss watchdog: %w", err)
	}
	if err := w.cmd.Wait(); err != nil {
		return fmt.Errorf("dismiss watchdog: %w", err)
	}
	return nil
}
