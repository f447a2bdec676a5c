package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport/internal/schema"
)

// Schema is the name of the database schema that holds the tables.
const Schema = "zulip"

// CreateSchema makes the tables, keys and indexes of a Zulip server in a database that has
// no schema of that name yet, and the rows that tell its version. Either all of it is there
// afterwards or nothing.
func CreateSchema(ctx context.Context, dsn string) error {
	return build(ctx, dsn, func(sink) error { return nil })
}

// build makes a database: the tables, the rows that fill loads, then the keys and
// indexes, all in one transaction; statistics at the end.
func build(ctx context.Context, dsn string, fill func(sink) error) error {
	tables, keys := schema.PostgreSQL()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("create demo database: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		d := &database{ctx: ctx, tx: tx}
		return firstError(
			func() error { return d.exec("CREATE SCHEMA " + Schema) },
			func() error { return d.exec("SET LOCAL search_path TO " + Schema) },
			func() error { return d.exec(tables) },
			d.readColumns,
			func() error { return load(d, migrations()) },
			func() error { return fill(d) },
			func() error { return d.exec(keys) },
			d.advanceSequences,
		)
	})
	if err != nil {
		return fmt.Errorf("create demo database: %w", err)
	}
	if _, err := conn.Exec(ctx, "ANALYZE"); err != nil {
		return fmt.Errorf("analyze demo database: %w", err)
	}
	return nil
}

// firstError runs the steps up to the first that fails.
func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// migrations are the rows by which a server remembers how its schema came about: those
// that say the version and those that made the tables which older servers lack.
func migrations() []row {
	var rows []row
	for _, m := range [][2]string{
		{"contenttypes", "0001_initial"},
		{"contenttypes", "0002_remove_content_type_name"},
		{"auth", "0001_initial"},
		{"auth", "0012_alter_user_first_name_max_length"},
		{"sessions", "0001_initial"},
		{"zerver", "0001_initial"},
		{"zerver", "0436_realmauthenticationmethods"},
		{"zerver", "0493_rename_userhotspot_to_onboardingstep"},
		{"zerver", "0512_namedusergroup"},
		{"zerver", "0527_presencesequence"},
		{"zerver", "0542_onboardingusermessage"},
		{"zerver", "0001_squashed_0569"},
		{"zerver", "0587_savedsnippet"},
		{"zerver", "0595_add_realmexport_table_and_backfill"},
		{"zerver", "0697_empty_topic_name_for_dms_from_third_party_imports"},
		{"analytics", "0001_squashed_0021_alter_fillstate_id"},
		{"confirmation", "0001_squashed_0014_confirmation_confirmatio_content_80155a_idx"},
		{"confirmation", "0015_alter_confirmation_object_id"},
	} {
		id := int64(len(rows) + 1)
		rows = append(rows, row{table: "django_migrations", values: values{
			"id": id, "app": m[0], "name": m[1], "applied": epoch.Add(-time.Hour + time.Duration(id)*time.Second),
		}})
	}
	return rows
}
