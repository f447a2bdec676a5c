package importer

import (
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/catalog"
)

// maxStatus bounds migration_status.json; a server's own has some ten kilobytes.
const maxStatus = 4 << 20

// readStatus takes the archive's version and migrations.
func (r *run) readStatus(body io.Reader) error {
	j := newJSON(body, min(r.longest, maxStatus))
	v, err := j.value()
	if err != nil {
		return err
	}
	var status struct {
		Migrations map[string][]string `json:"migrations_by_app"`
		Version    string              `json:"zulip_version"`
	}
	if err := json.Unmarshal(v, &status); err != nil || status.Migrations == nil || status.Version == "" {
		return fault(`it is no migration status: that is an object with lists in "migrations_by_app" and a text "zulip_version"`)
	}
	if err := checkVersion(status.Version); err != nil {
		return err
	}
	r.summary.Status.ZulipVersion, r.summary.Status.MigrationsByApp = status.Version, status.Migrations
	if level := migrationLevel(status.Migrations["zerver"]); level > 0 && level < catalog.OldestMigration {
		return realmport.Errorf(realmport.Unsupported, "the archive is of Zulip %s, whose migrations end at %04d, and realmport needs %04d "+
			"(Zulip 7) or later: import it into a Zulip server of that version, upgrade that, and export again",
			status.Version, level, catalog.OldestMigration)
	}
	return j.end()
}

func checkVersion(version string) error {
	if printable(version) != version {
		return faultf("zulip_version is %s, which is no version", quoted(version))
	}
	return nil
}

// appliedLine matches the line of a migration that is recorded in the database (format.md §1.7).
var appliedLine = regexp.MustCompile(`^\[X\] (\w[\w.\-]{0,254})(?: \(\d+ squashed migrations?\))?$`)

// levelOf matches the number of a migration, or the last of those that it stands for.
var levelOf = regexp.MustCompile(`^(?:0001_squashed_)?(\d{4})(?:_|$)`)

// migrationLevel is the greatest number among the applied migrations of an app; 0 if there is none.
func migrationLevel(lines []string) int {
	level := 0
	for _, line := range lines {
		if m := appliedLine.FindStringSubmatch(line); m != nil {
			if m := levelOf.FindStringSubmatch(m[1]); m != nil {
				n, _ := strconv.Atoi(m[1])
				level = max(level, n)
			}
		}
	}
	return level
}

// addMigrations writes which migrations were applied, as far as the archive tells.
func (r *run) addMigrations(p *putter) {
	var id int64
	for _, app := range slices.Sorted(maps.Keys(r.summary.Status.MigrationsByApp)) {
		for _, line := range r.summary.Status.MigrationsByApp[app] {
			m := appliedLine.FindStringSubmatch(line)
			if m == nil || p.err != nil || r.Store.Columns("django_migrations") == nil {
				continue
			}
			id++
			p.err = r.Store.Insert(p.ctx, "django_migrations", []string{"id", "app", "name", "applied"}, []any{id, app, m[1], r.Now})
		}
	}
}
