package export_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

// sql runs statements in the test's database.
func sql(t *testing.T, dsn, text string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}
