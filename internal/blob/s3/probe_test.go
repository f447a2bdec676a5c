package s3_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/fault"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	proxy, through, direct, bucket := spoilt(t)
	check(t, s3.OpenStock(open(t, through), s3.StockConfig{Bucket: bucket}).Probe(t.Context()))
	if left := s3test.Keys(t, direct, bucket); len(left) > 0 {
		t.Errorf("got %q left, want nothing", left)
	}
	for _, r := range proxy.Requests(nil) {
		if key := strings.Trim(strings.TrimPrefix(r.Path, "/"+bucket), "/"); key != "" && !strings.HasPrefix(key, "realmport-parts/probe-") {
			t.Errorf("got a request about %q, want it among parts", key)
		}
	}
}

// TestProbeDenied refuses one kind of request.
func TestProbeDenied(t *testing.T) {
	t.Parallel()
	for kind, leaves := range map[string]int{"begin": 0, "abort": 1, "put": 0, "get": 0, "uploads": 1, "delete": 1} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			proxy, through, direct, bucket := spoilt(t)
			proxy.Spoil(1, kinds[kind], fault.Answer(http.StatusForbidden, "AccessDenied"))
			err := s3.OpenStock(open(t, through), s3.StockConfig{Bucket: bucket}).Probe(t.Context())
			if realmport.ErrorCode(err) != realmport.NotAllowed || !strings.Contains(err.Error(), "s3:PutObject") || strings.Contains(err.Error(), "\n") {
				t.Errorf("got error %v with code %s, want one that names the rights", err, realmport.ErrorCode(err))
			}
			if left := s3test.Keys(t, direct, bucket); len(left) != leaves {
				t.Errorf("got %q left, want %d", left, leaves)
			}
		})
	}
}

// TestProbeFails wants what is not about rights to be told as it is.
func TestProbeFails(t *testing.T) {
	t.Parallel()
	proxy, through, _, bucket := spoilt(t)
	through.Patience = 300 * time.Millisecond
	none := s3.OpenStock(open(t, through), s3.StockConfig{Bucket: "none-of-that-name"}).Probe(t.Context())
	if realmport.ErrorCode(none) != realmport.NotFound {
		t.Errorf("got error %v with code %s, want that there is no bucket", none, realmport.ErrorCode(none))
	}
	proxy.Spoil(1, kinds["get"], fault.Edit(func(_ http.Header, body []byte) []byte { return []byte(strings.Repeat("x", len(body))) }))
	stock := s3.OpenStock(open(t, through), s3.StockConfig{Bucket: bucket})
	if err := stock.Probe(t.Context()); err == nil || strings.Contains(err.Error(), "s3:") && !strings.Contains(err.Error(), "s3://") {
		t.Errorf("other bytes: got %v", err)
	}
	proxy.Refuse()
	if err := stock.Probe(t.Context()); realmport.ErrorCode(err) != realmport.Unavailable {
		t.Errorf("got error %v with code %s, want that the storage is unavailable", err, realmport.ErrorCode(err))
	}
}
