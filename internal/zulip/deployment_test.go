package zulip_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/zulip"
)

// listed is what manage.py showmigrations --list prints, with a line of each form.
const listed = `analytics
 [X] 0001_squashed_0021_alter_fillstate_id (21 squashed migrations)
auth
 [X] 0001_initial
 [ ] 0002_alter_permission_name_max_length
social_django
 [-] 0001_initial (2 squashed migrations)
two_factor
 (no migrations)
zerver
 [X] 0001_squashed_0569 (545 squashed migrations)
 [X] 0570_namedusergroup_can_manage_group
`

func wantListed() map[string][]string {
	return map[string][]string{
		"analytics":     {"[X] 0001_squashed_0021_alter_fillstate_id (21 squashed migrations)"},
		"auth":          {"[X] 0001_initial", "[ ] 0002_alter_permission_name_max_length"},
		"social_django": {"[-] 0001_initial (2 squashed migrations)"},
		"two_factor":    {"(no migrations)"},
		"zerver":        {"[X] 0001_squashed_0569 (545 squashed migrations)", "[X] 0570_namedusergroup_can_manage_group"},
	}
}

const versionPy = "# The version.\nimport os\n\nZULIP_VERSION = \"11.0-dev+git\"\nZULIP_VERSION = lines.pop(0).strip()\nAPI_FEATURE_LEVEL = 372\n"

// deployment makes a folder with a version.py and a manage.py that is a shell script. Files named in
// more replace or join them; an empty one is left out.
func deployment(t *testing.T, script string, more map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"version.py": versionPy, "manage.py": "#!/bin/sh\n" + script, "listed": listed}
	for name, content := range more {
		files[name] = content
	}
	for name, content := range files {
		if content == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		// The file must not be open for writing in a process that another test forks just now.
		if err := os.Chmod(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAskDeployment(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, script string
		more         map[string]string
		version      string
	}{
		{"plain", `cat listed`, nil, "11.0-dev+git"},
		{"called as documented", `test "$*" = "showmigrations --list --no-color" && cat listed`, nil, "11.0-dev+git"},
		{"chatter on standard error", `echo warning >&2; cat listed`, nil, "11.0-dev+git"},
		{"single quotes", `cat listed`, map[string]string{"version.py": "ZULIP_VERSION='10.4'\n"}, "10.4"},
		{"from Git", `cat listed`, map[string]string{"zulip-git-version": "11.0-dev-1234-gabcdef\n11.0-beta1\n"}, "11.0-dev-1234-gabcdef"},
		{"from Git, but unknown", `cat listed`, map[string]string{"zulip-git-version": "\n"}, "11.0-dev+git"},
		{"Windows line ends", `sed 's/$/\r/' listed`, nil, "11.0-dev+git"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ask(t.Context(), deployment(t, tt.script, tt.more))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(zulip.Status{ZulipVersion: tt.version, MigrationsByApp: wantListed()}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// ask asks a deployment, again while another test's fork keeps its manage.py open for writing.
func ask(ctx context.Context, dir string) (zulip.Status, error) {
	for {
		s, err := zulip.AskDeployment(ctx, dir)
		if !errors.Is(err, syscall.ETXTBSY) {
			return s, err
		}
	}
}

func TestAskDeploymentRelativeFolder(t *testing.T) {
	t.Chdir(filepath.Dir(deployment(t, `cat listed`, nil)))
	dirs, err := filepath.Glob("*")
	if err != nil || len(dirs) != 1 {
		t.Fatalf("got %q, %v, want the deployment's folder", dirs, err)
	}
	if _, err := ask(t.Context(), dirs[0]); err != nil {
		t.Error(err)
	}
}

func TestAskDeploymentRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, script string
		more         map[string]string
		code         realmport.Code
		says         []string
	}{
		{
			"failure", "echo Traceback >&2\necho 'PermissionError: zulip-secrets.conf' >&2\nexit 1", nil,
			realmport.Internal,
			[]string{"manage.py showmigrations failed (exit status 1): PermissionError: zulip-secrets.conf; run realmport as the user"},
		},
		{
			"silent failure", "exit 3", nil,
			realmport.Internal,
			[]string{"failed (exit status 3); run realmport as", "or give a migration_status.json"},
		},
		{"killed", "kill -9 $$", nil, realmport.Internal, []string{"failed (signal: killed); run"}},
		{
			"hostile error", `printf 'x\nevil\033]0;title\007\377%01000d' 7 >&2; exit 1`, nil,
			realmport.Internal,
			[]string{"failed (exit status 1): evil?]0;title??000000", "…; run realmport as"},
		},
		{"no manage.py", "", map[string]string{"manage.py": ""}, realmport.Internal, []string{"failed (no such file or directory); run"}},
		{
			"no version.py", "cat listed",
			map[string]string{"version.py": ""},
			realmport.NotFound,
			[]string{"is not a deployment of a Zulip server", "/home/zulip/deployments/current"},
		},
		{
			"no version", "cat listed",
			map[string]string{"version.py": "# ZULIP_VERSION = \"1\"\n"},
			realmport.Unsupported,
			[]string{"version.py has no ZULIP_VERSION"},
		},
		{"nothing", "", nil, realmport.Unsupported, []string{"no migrations of the app zerver"}},
		{"no zerver", "echo auth; echo ' [X] 0001_initial'", nil, realmport.Unsupported, []string{"no migrations of the app zerver"}},
		{"other output", "echo 'System check identified no issues.'; cat listed", nil, realmport.Unsupported, []string{`"System check identified no issues."`}},
		{"migration of no app", "echo ' [X] 0001_initial'; cat listed", nil, realmport.Unsupported, []string{`" [X] 0001_initial"`}},
		{"an app twice", "cat listed; cat listed", nil, realmport.Unsupported, []string{`"analytics"`}},
		{"unknown mark", "echo zerver; echo ' [?] 0001_initial'", nil, realmport.Unsupported, []string{"[?]"}},
		{"escape sequences", `printf 'zerver\n [X] 0001_\033[2J\n'`, nil, realmport.Unsupported, []string{`0001_\x1b[2J`}},
		{"bytes", `printf 'zerver\n [X] \377\n'`, nil, realmport.Unsupported, []string{`\xff`}},
		{"a long line", "printf 'zerver\n [?] %0100000d' 7", nil, realmport.Unsupported, []string{"neither an app nor a migration"}},
		{"endless output", "cat listed; yes ' [X] 0002_more' | head -c 6000000", nil, realmport.Unsupported, []string{"more than 4 MiB"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := ask(t.Context(), deployment(t, tt.script, tt.more))
			checkError(t, err, tt.code, tt.says...)
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("got a message of %d bytes, want a short one", len(err.Error()))
			}
		})
	}
}

// TestAskDeploymentStops checks that neither a manage.py that hangs nor what it started outlives the context.
func TestAskDeploymentStops(t *testing.T) {
	t.Parallel()
	// The inner cat holds the output open, and lives as long as nobody writes into the pipe.
	dir := deployment(t, "cat listed\necho there >started\ncat blocks\necho not reached\n", nil)
	for _, name := range []string{"blocks", "started"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("stopped by the test")
	go func() {
		// Opening waits until manage.py writes.
		_, _ = os.ReadFile(filepath.Join(dir, "started"))
		cancel(reason)
	}()
	if _, err := ask(ctx, dir); !errors.Is(err, reason) {
		t.Errorf("got %v, want %v", err, reason)
	}
	// Without a reader, opening for writing fails.
	f, err := os.OpenFile(filepath.Join(dir, "blocks"), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if !errors.Is(err, syscall.ENXIO) {
		t.Errorf("what manage.py started lives on: got %v, want %v", err, syscall.ENXIO)
	}
	if err == nil {
		f.Close()
	}
}

// TestErrorsAreShort checks that a large output is cut where it comes in.
func TestErrorsAreShort(t *testing.T) {
	t.Parallel()
	dir := deployment(t, "head -c 6000000 /dev/zero | tr '\\0' x >&2; exit 1", nil)
	_, err := ask(t.Context(), dir)
	checkError(t, err, realmport.Internal, strings.Repeat("x", 300)+"…; run")
	if n := bytes.Count([]byte(err.Error()), []byte("x")); n > 400 {
		t.Errorf("got %d letters of the output, want about 300", n)
	}
}
