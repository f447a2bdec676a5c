package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestMetrics reads the metrics of a service, which are at an address of their own.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir(), "--demo", "--metrics-listen", "127.0.0.1:0")
	_, address, _ := strings.Cut(s.stderr.String(), `msg="serving metrics" address=`)
	address, _, _ = strings.Cut(address, "\n")
	get := func(url string) (int, string) {
		t.Helper()
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	status, text := get("http://" + address + "/metrics")
	if status != http.StatusOK {
		t.Fatalf("got %d, %s", status, text)
	}
	for _, want := range []string{
		"realmport_snapshot_age_seconds 0\n", "realmport_snapshots_open 0\n", "realmport_paused 0\n", "realmport_exports_at_work 0\n", "go_goroutines ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got\n%s\nwant %q in it", text, want)
		}
	}
	if status, _ := get(s.site + "/metrics"); status != http.StatusNotFound {
		t.Errorf("at the address of the API: got %d, want 404", status)
	}
	s.stop(t)
}
