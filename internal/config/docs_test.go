package config

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/realmport/realmport/internal/store"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

const (
	docsFile  = "../../docs/configuration.md"
	docsBegin = "<!-- Made from internal/config by: go test ./internal/config -run Docs -update -->\n"
	docsEnd   = "<!-- End of what is made. -->\n"
)

// markdown describes all settings.
func markdown() string {
	var b strings.Builder
	section := "none"
	cell := strings.NewReplacer("|", `\|`, "\n", " ").Replace
	for _, s := range Describe() {
		of, _, ok := strings.Cut(s.Key, ".")
		if !ok {
			of = ""
		}
		if of != section {
			section = of
			if of != "" {
				fmt.Fprintf(&b, "\n### %s\n", of)
			}
			b.WriteString("\n| key | value | default | meaning |\n|---|---|---|---|\n")
		}
		var defaults []string
		if s.Default != "" {
			defaults = append(defaults, "`"+s.Default+"`")
		}
		if s.Reference != "" {
			defaults = append(defaults, "profile `zulip`: `"+s.Reference+"`")
		}
		if s.Otherwise != "" {
			defaults = append(defaults, s.Otherwise)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Key, cell(s.Form), cell(strings.Join(defaults, "; ")), cell(s.Help))
	}
	return b.String()
}

// TestDocs checks that the documentation describes the settings as they are.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), docsBegin)
	made, after, ok2 := strings.Cut(rest, docsEnd)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the lines between which settings are described", docsFile)
	}
	want := markdown() + "\n"
	if made == want {
		return
	}
	if !*update {
		t.Fatalf("%s is not current: run go test ./internal/config -run Docs -update", docsFile)
	}
	if err := os.WriteFile(docsFile, []byte(before+docsBegin+want+docsEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestExample checks that the configuration that is delivered as an example has no problems on a server, and neither has
// it if all that is commented out is not.
func TestExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/realmport.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, dir := zulipServer(t, settingsPy)
	source, secretKey := write(t, "source", "postgres:///zulip\n"), write(t, "s3-secret-key", "hush\n")
	all := regexp.MustCompile(`(?m)^#( *[a-z0-9_]+:( |$))`).ReplaceAllString(string(text), "$1")
	for name, content := range map[string]string{"as it is": string(text), "all of it": all} {
		content := strings.NewReplacer(
			"/etc/zulip", dir, "/home/zulip/deployments/current", dir, "/etc/realmport/source", source,
			"/etc/realmport/s3-secret-key", secretKey,
		).Replace(content)
		c, err := Load(Sources{File: []byte(content), FileName: name})
		if err != nil {
			t.Error(err)
			continue
		}
		if c.Embedded() || string(c.AvatarSalt) != "0123abcd" || len(c.Warnings) > 0 {
			t.Errorf("%s: got %v, warnings %q", name, c.Values(), c.Warnings)
		}
	}
	if !strings.Contains(all, "\nlisten: ") || !strings.Contains(all, "\n  schema: ") || !strings.Contains(all, "\n  secret_key_file: ") {
		t.Errorf("got %s, want nothing commented out", all)
	}
}

// TestRights checks that docs/operations.md grants what the service asks for.
func TestRights(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := store.Grants("zulip", "realmport", false); !strings.Contains(string(text), "```sql\n"+want+"```\n") {
		t.Errorf("docs/operations.md does not have these lines:\n%s", want)
	}
}

// TestUnits checks that the flags in the systemd units are settings.
func TestUnits(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"realmport.service", "realmport-work.service"} {
		checkUnit(t, name)
	}
}

func checkUnit(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/" + name)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"config": true}
	for _, s := range Describe() {
		known[s.Flag] = true
	}
	flags := regexp.MustCompile(`(?m) --([a-z-]+)[ =]`).FindAllStringSubmatch(string(text), -1)
	for _, m := range flags {
		if !known[m[1]] {
			t.Errorf("%s has --%s, which is no setting", name, m[1])
		}
	}
	if len(flags) < 3 {
		t.Errorf("%s: got %q, want the flags of the unit", name, flags)
	}
}
