package s3_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/fault"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	const secret = "precious"
	for name, tt := range map[string]struct {
		config s3.Config
		want   string // "" for no error
	}{
		"AWS":                  {s3.Config{}, ""},
		"host":                 {s3.Config{Endpoint: "minio.example.com"}, ""},
		"host and port":        {s3.Config{Endpoint: "minio.example.com:9000"}, ""},
		"address":              {s3.Config{Endpoint: "http://[::1]:9000/"}, ""},
		"all":                  {s3.Config{Endpoint: "https://h", Region: "r", AddressingStyle: "path", AccessKey: "a", SecretKey: secret, SSE: "aws:kms", SSEKMSKeyID: "k"}, ""},
		"user in the endpoint": {s3.Config{Endpoint: "https://a:" + secret + "@h"}, "not an address"},
		"no address":           {s3.Config{Endpoint: "https://a:" + secret + "@h:x%"}, "not an address"},
		"path":                 {s3.Config{Endpoint: "https://h/bucket"}, "without a bucket"},
		"query":                {s3.Config{Endpoint: "https://h/?key=" + secret}, "without a bucket"},
		"scheme":               {s3.Config{Endpoint: "ftp://h"}, "not an address"},
		"no host":              {s3.Config{Endpoint: "http://"}, "not an address"},
		"style":                {s3.Config{AddressingStyle: "dns"}, `"dns" is none of auto, path, virtual`},
		"encryption":           {s3.Config{SSE: "DES"}, `"DES" is none of AES256, aws:kms`},
		"key without KMS":      {s3.Config{SSE: "AES256", SSEKMSKeyID: "k"}, "not aws:kms"},
		"half of the keys":     {s3.Config{SecretKey: secret}, "only one is set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := s3.Open(t.Context(), tt.config)
			if err == nil {
				client.Close()
			}
			if tt.want == "" && err != nil || tt.want != "" && (realmport.ErrorCode(err) != realmport.Invalid || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got error %v, want one that says %q", err, tt.want)
			}
			tt.config.Endpoint = ""
			if text := fmt.Sprintf("%v %v %+v %#v", err, tt.config, &tt.config, tt.config); strings.Contains(text, secret) {
				t.Errorf("the secret is printed: %s", text)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	config, bucket := s3test.Bucket(t)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	check(t, nobody.Close())
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	check(t, err)
	t.Cleanup(func() { silent.Close() })
	selfSigned := httptest.NewUnstartedServer(http.NotFoundHandler())
	selfSigned.Config.ErrorLog = log.New(io.Discard, "", 0)
	selfSigned.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	selfSigned.StartTLS()
	t.Cleanup(selfSigned.Close)
	for name, tt := range map[string]struct {
		change func(*s3.Config)
		bucket string
		code   realmport.Code
		want   string
	}{
		"good":         {func(*s3.Config) {}, bucket, "", ""},
		"no bucket":    {func(*s3.Config) {}, "none-of-that-name", realmport.NotFound, `there is no bucket "none-of-that-name"`},
		"bad name":     {func(*s3.Config) {}, "No_Bucket!", realmport.Invalid, "No_Bucket!"},
		"wrong secret": {func(c *s3.Config) { c.SecretKey = "precious" }, bucket, realmport.NotAllowed, "SignatureDoesNotMatch"},
		"wrong key":    {func(c *s3.Config) { c.AccessKey = "nobody" }, bucket, realmport.NotAllowed, "access key"},
		"wrong region": {func(c *s3.Config) { c.Region = "us-west-7" }, bucket, realmport.Invalid, "region"},
		"nobody":       {func(c *s3.Config) { c.Endpoint = "http://" + nobody.Addr().String() }, bucket, realmport.Unavailable, "connection refused"},
		"silence": {func(c *s3.Config) {
			c.Endpoint, c.Stall = "http://"+silent.Addr().String(), 200*time.Millisecond
		}, bucket, realmport.Unavailable, "fell silent"},
		"no such host": {func(c *s3.Config) { c.Endpoint = "http://none.invalid" }, bucket, realmport.Unavailable, "none.invalid"},
		"no TLS":       {func(c *s3.Config) { c.Endpoint = strings.Replace(c.Endpoint, "http:", "https:", 1) }, bucket, realmport.Unavailable, "secure"},
		"certificate":  {func(c *s3.Config) { c.Endpoint = selfSigned.URL }, bucket, realmport.Unavailable, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := config
			tt.change(&config)
			err := open(t, config).Check(t.Context(), tt.bucket)
			if realmport.ErrorCode(err) != tt.code || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v with code %q, want one with code %q that says %q", err, realmport.ErrorCode(err), tt.code, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "precious") {
				t.Errorf("the secret is in the error: %v", err)
			}
		})
	}
}

// TestCheckExplains has the proxy answer as AWS does.
func TestCheckExplains(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault fault.Fault
		code  realmport.Code
		want  string
	}{
		"denied": {fault.Answer(http.StatusForbidden, "AccessDenied"), realmport.NotAllowed, "cannot list s3://"},
		"busy":   {fault.Answer(http.StatusServiceUnavailable, "SlowDown"), realmport.Unavailable, "answers with an error"},
		"other region": {func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("X-Amz-Bucket-Region", "ap-south-2")
			w.WriteHeader(http.StatusMovedPermanently)
			_, _ = w.Write([]byte("<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>"))
		}, realmport.Invalid, "is in region ap-south-2, not eu-test-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, through, _, bucket := spoilt(t)
			proxy.Spoil(1, kinds["list"], tt.fault)
			err := open(t, through).Check(t.Context(), bucket)
			if realmport.ErrorCode(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v with code %q, want one with code %q that says %q", err, realmport.ErrorCode(err), tt.code, tt.want)
			}
		})
	}
}

// TestCredentials takes keys from the standard places.
func TestCredentials(t *testing.T) {
	config, bucket := s3test.Bucket(t)
	access, secret := config.AccessKey, config.SecretKey
	config.AccessKey, config.SecretKey = "", ""
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	file := t.TempDir() + "/credentials"
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	err := open(t, config).Check(t.Context(), bucket)
	if realmport.ErrorCode(err) != realmport.NotAllowed || !strings.Contains(err.Error(), "no credentials for S3") {
		t.Errorf("without credentials: got %v", err)
	}
	write(t, file, fmt.Sprintf("[other]\naws_access_key_id = %s\naws_secret_access_key = %s\n", access, secret))
	config.Profile = "other"
	check(t, open(t, config).Check(t.Context(), bucket))
	config.Profile = ""
	t.Setenv("AWS_ACCESS_KEY_ID", access)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	check(t, open(t, config).Check(t.Context(), bucket))
}

// FuzzEndpoint wants each endpoint to be refused by name, or to make links.
func FuzzEndpoint(f *testing.F) {
	for _, endpoint := range []string{"", "host", "http://h:1", "https://u:p@h", "http://[::1]", "s3.eu-west-3.amazonaws.com", "http://h/%zz", "HTTP://h"} {
		f.Add(endpoint)
	}
	f.Fuzz(func(t *testing.T, endpoint string) {
		client, err := s3.Open(t.Context(), s3.Config{Endpoint: endpoint, AccessKey: "a", SecretKey: "b", Region: "r"})
		if err != nil {
			if realmport.ErrorCode(err) != realmport.Invalid {
				t.Errorf("%q: got error %v with code %s", endpoint, err, realmport.ErrorCode(err))
			}
			return
		}
		defer client.Close()
		link, err := s3.OpenStock(client, s3.StockConfig{Bucket: "bucket"}).Link(t.Context(), "a", time.Hour)
		if err != nil || !strings.Contains(link, "/a?") {
			t.Errorf("%q: got link %q, %v", endpoint, link, err)
		}
	})
}
