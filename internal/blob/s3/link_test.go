package s3_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/blobtest"
	"github.com/realmport/realmport/internal/s3server"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

func TestLink(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config  s3.Config
		public  bool
		valid   time.Duration
		prefix  string
		expires string // "" for no query
	}{
		"a day":           {s3.Config{Endpoint: "http://host:900"}, false, 24 * time.Hour, "http://host:900/bucket/a/b%20c.tar.gz", "86400"},
		"too long":        {s3.Config{Endpoint: "http://host:900"}, false, 30 * 24 * time.Hour, "http://host:900/bucket/a/b%20c.tar.gz", "604800"},
		"no time":         {s3.Config{Endpoint: "http://host:900"}, false, 0, "http://host:900/bucket/a/b%20c.tar.gz", "1"},
		"virtual":         {s3.Config{Endpoint: "https://host", AddressingStyle: "virtual"}, false, time.Hour, "https://bucket.host/a/b%20c.tar.gz", "3600"},
		"public":          {s3.Config{Endpoint: "https://host"}, true, time.Hour, "https://host/bucket/a/b%20c.tar.gz", ""},
		"public, virtual": {s3.Config{Endpoint: "host", AddressingStyle: "virtual"}, true, time.Hour, "https://bucket.host/a/b%20c.tar.gz", ""},
		"AWS":             {s3.Config{Region: "eu-west-3"}, false, time.Hour, "https://bucket.s3.dualstack.eu-west-3.amazonaws.com/a/b%20c.tar.gz", "3600"},
		"AWS, path":       {s3.Config{Region: "eu-west-3", AddressingStyle: "path"}, true, time.Hour, "https://s3.dualstack.eu-west-3.amazonaws.com/bucket/a/b%20c.tar.gz", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.config.AccessKey, tt.config.SecretKey = "access", "precious"
			client := open(t, tt.config)
			client.DialAll("127.0.0.1:1") // where nobody answers: nobody is to be asked
			link, err := s3.OpenStock(client, s3.StockConfig{Bucket: "bucket", Public: tt.public}).Link(t.Context(), "a/b c.tar.gz", tt.valid)
			check(t, err)
			u, err := url.Parse(link)
			check(t, err)
			if base, _, _ := strings.Cut(link, "?"); base != tt.prefix || u.Query().Get("X-Amz-Expires") != tt.expires || (u.RawQuery == "") != (tt.expires == "") {
				t.Errorf("got %s, want %s that expires after %q", link, tt.prefix, tt.expires)
			}
			if strings.Contains(link, "precious") {
				t.Error("the link holds the secret")
			}
		})
	}
}

// TestLinkDoesNotWait has credentials be on their way for somebody else, which the storage of roles takes its time for.
func TestLinkDoesNotWait(t *testing.T) {
	asked, answer := make(chan struct{}, 1), make(chan struct{})
	role := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-answer:
			_, _ = io.WriteString(w, `{"AccessKeyId": "role", "SecretAccessKey": "precious", "Token": "t", "Expiration": "2999-01-01T00:00:00Z"}`)
		case <-r.Context().Done():
		}
	}))
	defer role.Close()
	useRole(t, role.URL)
	stock := s3.OpenStock(open(t, s3.Config{Endpoint: "http://host"}), s3.StockConfig{Bucket: "bucket"})
	first := make(chan error, 1)
	go func() {
		link, err := stock.Link(t.Context(), "a", time.Hour)
		if err == nil && !strings.Contains(link, "X-Amz-Credential=role") {
			err = errors.New("other keys: " + link)
		}
		first <- err
	}()
	<-asked
	gone := errors.New("gone")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, gone)
	defer cancel()
	if link, err := stock.Link(ctx, "a", time.Hour); !errors.Is(err, gone) {
		t.Errorf("got %q, %v, want %v", link, err, gone)
	}
	select {
	case err := <-first:
		t.Errorf("it waited for another, which got %v", err)
	default:
		close(answer)
		check(t, <-first)
	}
}

// TestVirtualHosts uses buckets as hosts below a domain.
func TestVirtualHosts(t *testing.T) {
	t.Parallel()
	config, bucket := s3test.Bucket(t)
	addr := strings.TrimPrefix(config.Endpoint, "http://")
	config.Endpoint, config.AddressingStyle = "http://"+s3server.Domain, "virtual"
	client := open(t, config)
	client.DialAll(addr)
	check(t, client.Check(t.Context(), bucket))
	stock := s3.OpenStock(client, s3.StockConfig{Bucket: bucket, PartSize: partSize})
	want := blobtest.Join(t, stock, "a/b c", []blobtest.Piece{{Bytes: blobtest.Bytes(1, partSize), Stored: true}, {Bytes: []byte("x")}})
	blobtest.Holds(t, stock, "a/b c", want)
	link, err := stock.Link(t.Context(), "a/b c", time.Hour)
	check(t, err)
	if !strings.HasPrefix(link, "http://"+bucket+"."+s3server.Domain+"/a/b%20c?") {
		t.Errorf("got %s", link)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	check(t, err)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	check(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ContentLength != int64(len(want)) {
		t.Errorf("got status %d, %d bytes, want %d", resp.StatusCode, resp.ContentLength, len(want))
	}
}
