package s3_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/fault"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

// requests are what can be asked for with a client.
var requests = map[string]func(t *testing.T, client *s3.Client, bucket string) error{
	"open": func(t *testing.T, client *s3.Client, bucket string) error {
		t.Helper()
		_, err := s3.OpenFiles(client, s3.FilesConfig{Uploads: bucket}).Open(t.Context(), realmport.Uploads, "a")
		return err
	},
	"list": func(t *testing.T, client *s3.Client, bucket string) error {
		t.Helper()
		return s3.OpenFiles(client, s3.FilesConfig{Uploads: bucket}).List(t.Context(), realmport.Uploads, "", func(string) error { return nil })
	},
	"open an archive": func(t *testing.T, client *s3.Client, bucket string) error {
		t.Helper()
		_, err := s3.OpenStock(client, s3.StockConfig{Bucket: bucket}).Open(t.Context(), "a")
		return err
	},
	"commit": func(t *testing.T, client *s3.Client, bucket string) error {
		t.Helper()
		out, err := s3.OpenStock(client, s3.StockConfig{Bucket: bucket}).Create(t.Context(), "x")
		check(t, err)
		return out.Commit()
	},
	"write": func(t *testing.T, client *s3.Client, bucket string) error {
		t.Helper()
		out, err := s3.OpenStock(client, s3.StockConfig{Bucket: bucket, PartSize: partSize}).Create(t.Context(), "x")
		check(t, err)
		_, err = out.Write(make([]byte, partSize+1))
		return err
	},
	"remove": func(t *testing.T, client *s3.Client, bucket string) error {
		t.Helper()
		return s3.OpenStock(client, s3.StockConfig{Bucket: bucket}).Remove(t.Context(), "a")
	},
	"sweep": func(t *testing.T, client *s3.Client, bucket string) error {
		t.Helper()
		_, err := s3.OpenStock(client, s3.StockConfig{Bucket: bucket}).Sweep(t.Context(), "a", time.Hour)
		return err
	},
}

// TestRefused has the storage refuse realmport itself, which nobody is to take for what an object is like.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int // 0 for none that is planned
		code   string
		change func(*s3.Config)
		want   string
	}{
		"key":            {http.StatusForbidden, "InvalidAccessKeyId", nil, "check the access key"},
		"secret":         {http.StatusForbidden, "SignatureDoesNotMatch", nil, "check the secret key"},
		"clock":          {http.StatusForbidden, "RequestTimeTooSkewed", nil, "set the clock"},
		"expired":        {http.StatusBadRequest, "ExpiredToken", nil, "new keys"},
		"token":          {http.StatusBadRequest, "InvalidToken", nil, "session token"},
		"no such user":   {http.StatusNotFound, "XAdminUserNotFound", nil, "check the access key"},
		"region":         {http.StatusBadRequest, "AuthorizationHeaderMalformed", nil, "set the region"},
		"account":        {http.StatusForbidden, "AccountProblem", nil, "account"},
		"another secret": {change: func(c *s3.Config) { c.SecretKey = "other" }, want: "check the secret key"},
		"another region": {change: func(c *s3.Config) { c.Region = "us-west-7" }, want: "set the region"},
	} {
		for kind, request := range requests {
			if tt.status == http.StatusNotFound && kind == "open an archive" {
				continue // to HEAD, an answer like any that there is none
			}
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				proxy, through, direct, bucket := spoilt(t)
				s3test.Put(t, direct, bucket, s3test.Object{Key: "a", Body: []byte("x")})
				if tt.status != 0 {
					proxy.Always(nil, fault.Answer(tt.status, tt.code))
				} else {
					tt.change(&through)
				}
				through.Patience = time.Millisecond // for those that are tried again
				err := request(t, open(t, through), bucket)
				if realmport.ErrorCode(err) != realmport.NotAllowed || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) ||
					!strings.Contains(err.Error(), tt.want) {
					t.Errorf("got error %v with code %s, want one about realmport that says %q", err, realmport.ErrorCode(err), tt.want)
				}
			})
		}
	}
}

// TestKeysAreGone has the keys of a role end, and no new ones be had.
func TestKeysAreGone(t *testing.T) {
	config, bucket := s3test.Bucket(t)
	s3test.Put(t, config, bucket, s3test.Object{Key: "a", Body: []byte("x")})
	var asked atomic.Int32
	role := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) > 1 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprintf(w, `{"AccessKeyId": %q, "SecretAccessKey": %q, "Expiration": "2001-01-01T00:00:00Z"}`, config.AccessKey, config.SecretKey)
	}))
	defer role.Close()
	useRole(t, role.URL)
	ours := config
	ours.AccessKey, ours.SecretKey, ours.Patience = "", "", 300*time.Millisecond
	client := open(t, ours)
	check(t, client.Check(t.Context(), bucket))
	for kind, request := range requests {
		err := request(t, client, bucket)
		if realmport.ErrorCode(err) != realmport.NotAllowed || errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "no credentials") {
			t.Errorf("%s: got error %v with code %s, want that there are no credentials", kind, err, realmport.ErrorCode(err))
		}
	}
}

// useRole has keys come from a role only, which are had at that address.
func useRole(t *testing.T, address string) {
	t.Helper()
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", address)
}

// TestDenied has the storage refuse one object.
func TestDenied(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"open", "open an archive", "commit"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			proxy, through, _, bucket := spoilt(t)
			object := func(r *http.Request) bool { return strings.Trim(r.URL.Path, "/") != bucket }
			proxy.Spoil(1, object, fault.Answer(http.StatusForbidden, "AccessDenied"))
			err := requests[kind](t, open(t, through), bucket)
			if realmport.ErrorCode(err) != realmport.NotAllowed || !errors.Is(err, fs.ErrPermission) {
				t.Errorf("got error %v with code %s, want that the object is refused", err, realmport.ErrorCode(err))
			}
		})
	}
}
