package s3_test

import (
	"os"
	"testing"

	"github.com/realmport/realmport/internal/blob/s3"
)

// check ends the test at an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, config s3.Config) *s3.Client {
	t.Helper()
	client, err := s3.Open(t.Context(), config)
	check(t, err)
	t.Cleanup(client.Close)
	return client
}

func write(t *testing.T, name, content string) {
	t.Helper()
	check(t, os.WriteFile(name, []byte(content), 0o600))
}
