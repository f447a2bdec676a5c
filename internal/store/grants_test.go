package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/pgcluster/pgtest"
	"github.com/realmport/realmport/internal/store"
)

// server is a Zulip server's database with a role of realmport's own.
type server struct {
	*world // as a superuser
	role   string
	as     *sql.DB // as the role
}

func newServer(t *testing.T) *server {
	t.Helper()
	dsn := pgtest.Template(t, "store rules", func(dsn string) error { return demo.CreateRules(context.Background(), dsn) })
	s := &server{world: &world{d: store.PostgreSQL, db: openPostgres(t, dsn)}}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	s.role = "role_" + strings.TrimPrefix(u.Path, "/realmport_test_")
	s.exec(t, "CREATE ROLE "+s.role+" LOGIN")
	t.Cleanup(func() { s.exec(t, "DROP OWNED BY "+s.role+"; DROP ROLE "+s.role) })
	u.User = url.User(s.role)
	s.as = openPostgres(t, u.String())
	return s
}

// TestLeastPrivileges runs all that a store does on another's server as a role that has the grants and no others.
func TestLeastPrivileges(t *testing.T) {
	t.Parallel()
	for name, ids := range map[string]string{
		"identity": "",
		// Older servers made ids so.
		"serial": `ALTER TABLE zulip.%[1]s ALTER id DROP IDENTITY; CREATE SEQUENCE zulip.%[1]s_id_seq START 100 OWNED BY zulip.%[1]s.id;
			ALTER TABLE zulip.%[1]s ALTER id SET DEFAULT nextval('zulip.%[1]s_id_seq')`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServer(t)
			if ids != "" {
				for _, table := range []string{"zerver_realmexport", "zerver_realmauditlog"} {
					srv.exec(t, fmt.Sprintf(ids, table))
				}
			}
			srv.exec(t, store.Grants(demo.Schema, srv.role, false))
			useAll(t, srv)
			var n int
			err := srv.as.QueryRow(`SELECT count(password) FROM zulip.zerver_userprofile`).Scan(&n)
			if err == nil {
				t.Error("the role may read passwords")
			}
		})
	}
}

// useAll calls every method as the role of the server.
func useAll(t *testing.T, srv *server) {
	t.Helper()
	ctx := t.Context()
	s, err := store.New(ctx, srv.as, store.PostgreSQL, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	_, err = s.RealmByStringID(ctx, demo.RulesStringID)
	check(err)
	u, err := s.User(ctx, demo.Owner)
	check(err)
	byKey, err := s.UserByKey(ctx, value[string](t, srv.world, `SELECT api_key FROM zulip.zerver_userprofile WHERE id = $1`, demo.MonitorBot))
	wantCode(t, err, realmport.NotFound) // the keys of the demo are no keys
	if byKey != nil {
		t.Errorf("got %v", byKey)
	}
	srv.exec(t, `UPDATE zulip.zerver_userprofile SET api_key = $1 WHERE id = $2`, key(demo.Owner), demo.Owner)
	if byKey, err := s.UserByKey(ctx, key(demo.Owner)); err != nil || byKey.ID != u.ID {
		t.Errorf("got %v, %v", byKey, err)
	}
	_, err = s.Consents(ctx, demo.RulesRealm)
	check(err)
	_, err = s.Administrators(ctx, demo.RulesRealm)
	check(err)
	for _, typ := range []realmport.ExportType{realmport.Public, realmport.Standard} {
		ok, err := s.Usable(ctx, demo.RulesRealm, typ)
		want(t, true, ok, err)
	}
	usage, err := s.Usage(ctx, demo.RulesRealm)
	check(err)
	if usage.UploadBytes < 3<<31 {
		t.Errorf("got %+v", usage)
	}
	_, err = s.SetConsent(ctx, demo.Bob, true, start)
	wantCode(t, err, realmport.NotAllowed)

	id := create(t, s, demo.RulesRealm, demo.Owner, start)
	ok, err := s.Start(ctx, id, start)
	want(t, true, ok, err)
	ok, _, err = s.Succeed(ctx, id, result, start)
	want(t, true, ok, err)
	_, err = s.ByPath(ctx, result.Path)
	check(err)
	ok, err = s.Delete(ctx, id, demo.Owner, start)
	want(t, true, ok, err)
	ok, err = s.Fail(ctx, create(t, s, demo.RulesRealm, 0, start), start, false)
	want(t, true, ok, err)
	all, err := s.List(ctx, demo.RulesRealm)
	if err != nil || len(all) != 2 { // and the one of the fixture
		t.Errorf("got %+v, %v", all, err)
	}
	_, err = s.Pending(ctx)
	check(err)
	_, err = s.CountSince(ctx, demo.RulesRealm, start, true)
	check(err)
}

func TestMissingRights(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	open := func() error {
		_, err := store.New(t.Context(), srv.as, store.PostgreSQL, store.Options{})
		return err
	}
	wantCode(t, open(), realmport.NotAllowed, `GRANT USAGE ON SCHEMA "zulip"`)
	srv.exec(t, store.Grants(demo.Schema, srv.role, false))
	for _, tt := range []struct{ revoke, want string }{
		{"SELECT (api_key) ON zulip.zerver_userprofile", "SELECT (api_key) on zerver_userprofile"},
		{"INSERT (extra_data) ON zulip.zerver_realmauditlog", "INSERT (extra_data) on zerver_realmauditlog"},
		{"UPDATE (stats) ON zulip.zerver_realmexport", "UPDATE (stats) on zerver_realmexport"},
	} {
		srv.exec(t, fmt.Sprintf("REVOKE %s FROM %s", tt.revoke, srv.role))
		wantCode(t, open(), realmport.NotAllowed, tt.want)
		srv.exec(t, fmt.Sprintf("GRANT %s TO %s", tt.revoke, srv.role))
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	// The rest of what a store that owns the organizations needs.
	_, err := store.New(t.Context(), srv.as, store.PostgreSQL, store.Options{Owned: true})
	wantCode(t, err, realmport.NotAllowed, "INSERT (content) on zerver_message", "UPDATE (allow_private_data_export) on zerver_userprofile")
	srv.exec(t, store.Grants(demo.Schema, srv.role, true))
	if _, err := store.New(t.Context(), srv.as, store.PostgreSQL, store.Options{Owned: true}); err != nil {
		t.Fatal(err)
	}
	// A right that is taken away later.
	s, err := store.New(t.Context(), srv.as, store.PostgreSQL, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv.exec(t, "REVOKE INSERT ON zulip.zerver_realmexport FROM "+srv.role)
	_, err = s.Create(t.Context(), realmport.NewExport{RealmID: demo.RulesRealm, Type: realmport.Public, Now: start})
	wantCode(t, err, realmport.NotAllowed, "does not allow it")
}

func TestUnsupportedTables(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, tt := range []struct{ change, undo, want string }{
			{
				"ALTER TABLE %szerver_realmexport RENAME TO x", "ALTER TABLE %sx RENAME TO zerver_realmexport",
				"lacks zerver_realmexport: exports are kept by servers of Zulip 10",
			},
			{
				"ALTER TABLE %szerver_userprofile RENAME allow_private_data_export TO x",
				"ALTER TABLE %szerver_userprofile RENAME x TO allow_private_data_export", "lacks zerver_userprofile.allow_private_data_export:",
			},
			{
				"ALTER TABLE %szerver_realmauditlog RENAME backfilled TO x", "ALTER TABLE %szerver_realmauditlog RENAME x TO backfilled",
				"lacks zerver_realmauditlog.backfilled:",
			},
		} {
			prefix := w.table("")
			w.exec(t, fmt.Sprintf(tt.change, prefix))
			_, err := store.New(t.Context(), w.db, w.d, store.Options{})
			wantCode(t, err, realmport.Unsupported, tt.want)
			w.exec(t, fmt.Sprintf(tt.undo, prefix))
		}
		// What only some versions have may be missing.
		w.exec(t, fmt.Sprintf("ALTER TABLE %szerver_userprofile RENAME rate_limits TO x", w.table("")))
		w.exec(t, fmt.Sprintf("ALTER TABLE %szerver_realm RENAME enable_spectator_access TO x", w.table("")))
		s := w.new(t, false)
		if u, err := s.UserByKey(t.Context(), key(owner)); err != nil || u.RateLimits != "" || u.ID != owner {
			t.Errorf("got %+v, %v", u, err)
		}
		if r, err := s.Realm(t.Context(), acme); err != nil || r.WebPublic || !r.IconGiven {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

// TestReadOnly writes to a server that takes no writes, as a replica.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	srv.exec(t, store.Grants(demo.Schema, srv.role, false))
	srv.exec(t, "ALTER ROLE "+srv.role+" SET default_transaction_read_only = on")
	s, err := store.New(t.Context(), srv.as, store.PostgreSQL, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Create(t.Context(), realmport.NewExport{RealmID: demo.RulesRealm, Type: realmport.Public, Now: start})
	wantCode(t, err, realmport.Unavailable, "primary")
}

func TestUnknownColumn(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	srv.exec(t, "ALTER TABLE zulip.zerver_realmexport ADD novelty integer NOT NULL DEFAULT 5")
	srv.new(t, false)
	srv.exec(t, "ALTER TABLE zulip.zerver_realmexport ALTER novelty DROP DEFAULT")
	_, err := store.New(t.Context(), srv.db, store.PostgreSQL, store.Options{})
	wantCode(t, err, realmport.Unsupported, "zerver_realmexport.novelty")
}

func TestNoZulip(t *testing.T) {
	t.Parallel()
	_, err := store.New(t.Context(), openPostgres(t, pgtest.Database(t)), store.PostgreSQL, store.Options{})
	wantCode(t, err, realmport.Unsupported, "no table zerver_realm")
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	db := openPostgres(t, "postgres://somebody:hunter2@127.0.0.1:1/zulip")
	_, err := store.New(t.Context(), db, store.PostgreSQL, store.Options{})
	wantCode(t, err, realmport.Unavailable)
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error names the password: %v", err)
	}
	_, err = store.NewRuns(t.Context(), db, store.PostgreSQL, store.RunsOptions{})
	wantCode(t, err, realmport.Unavailable)
}

// TestBusy holds the lock of a file longer than one waits.
func TestBusy(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	s := w.new(t, true)
	w.exec(t, "PRAGMA busy_timeout = 0")
	other := w.open(t)
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Create(t.Context(), realmport.NewExport{RealmID: acme, Type: realmport.Public, Now: start})
	wantCode(t, err, realmport.Unavailable)
	_ = tx.Rollback()
	create(t, s, acme, owner, start)
}

// TestGolden reads a real server's database.
func TestGolden(t *testing.T) {
	t.Parallel()
	dsn, _, _ := pgtest.Golden(t, "rules")
	s := (&world{d: store.PostgreSQL, db: openPostgres(t, dsn)}).new(t, false)
	var found int
	for id := range int64(50) {
		r, err := s.Realm(t.Context(), id)
		if err != nil {
			wantCode(t, err, realmport.NotFound)
			continue
		}
		found++
		if _, err := s.Usage(t.Context(), id); err != nil {
			t.Error(err)
		}
		list, err := s.Consents(t.Context(), id)
		if err != nil || (r.StringID != "zulipinternal" && len(list) == 0) {
			t.Errorf("%s: got %v, %v", r.StringID, list, err)
		}
		e := create(t, s, id, 0, start)
		ok, err := s.Start(t.Context(), e, start)
		want(t, true, ok, err)
		ok, _, err = s.Succeed(t.Context(), e, result, start)
		want(t, true, ok, err)
	}
	if found < 2 {
		t.Errorf("found %d organizations", found)
	}
}
