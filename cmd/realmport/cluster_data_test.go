package main

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/realmport/realmport/internal/demo"
)

// generateCluster makes the organization, and its files in a folder that all clusters share.
func generateCluster(dsn string) error {
	return generateRows(context.Background(), dsn, clusterUploads())
}

func generateRows(ctx context.Context, dsn, uploads string) error {
	err := demo.Generate(ctx, dsn, demo.Size{
		Users: 60, Streams: 10, Messages: clusterMessages, UserMessages: 3 * clusterMessages, Reactions: 2000, Attachments: 300, AuditRows: 100,
		UploadsDir: uploads,
	})
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	err = enlarge(ctx, conn, uploads)
	if err == nil {
		_, err = conn.Exec(ctx, `UPDATE zulip.zerver_userprofile SET api_key = $1 WHERE id = (SELECT u.id FROM zulip.zerver_userprofile AS u
			JOIN zulip.zerver_realm AS r ON r.id = u.realm_id WHERE r.string_id = $2 AND u.role = 100 AND NOT u.is_bot ORDER BY u.id LIMIT 1)`,
			clusterKey, demo.RulesStringID)
	}
	if closed := conn.Close(ctx); err == nil {
		err = closed
	}
	return err
}

// enlarge makes a few uploads so large that a part with one goes through a temporary file.
func enlarge(ctx context.Context, conn *pgx.Conn, uploads string) error {
	const size = 6 << 20
	rows, err := conn.Query(ctx, `UPDATE zulip.zerver_attachment SET size = $1
		WHERE id IN (SELECT id FROM zulip.zerver_attachment ORDER BY id LIMIT 3) RETURNING path_id`, size)
	if err != nil {
		return err
	}
	paths, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || uploads == "" {
		return err
	}
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content) // never fails
	for _, path := range paths {
		if err := os.WriteFile(filepath.Join(uploads, "files", path), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func clusterUploads() string { return filepath.Join(programDir, "uploads") }
