// Package s3 keeps files in buckets of S3, or of what speaks its protocol: a Zulip server's uploads to read from, and archives.
//
// Requests that fail for a reason that may pass are made again, with growing pauses, for as long as Config.Patience says. Only
// then is there an error: with the code Unavailable where the storage as a whole does not answer, else one about the object.
package s3

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/realmport/realmport"
)

// How a Config says it; see there.
const (
	defaultPatience = time.Minute
	defaultStall    = 30 * time.Second
	defaultRegion   = "us-east-1"
	awsEndpoint     = "https://s3.amazonaws.com"
)

// Config says where a storage is and how to speak to it. The zero Config is AWS, with what its standard places say.
type Config struct {
	// Endpoint is https://HOST, http://HOST:PORT, or HOST, which means https; "" is AWS.
	Endpoint string
	// Region is the region of the buckets; "" is the one in the endpoint's name, or of the environment variables AWS_REGION and
	// AWS_DEFAULT_REGION, or us-east-1.
	Region string
	// AddressingStyle is "path" for HOST/BUCKET, "virtual" for BUCKET.HOST; "auto" or "" is virtual where the endpoint is known to
	// have that, as AWS.
	AddressingStyle string
	// AccessKey and SecretKey, and SessionToken if they are temporary. Without them the standard places are searched: environment,
	// shared credentials file, web identity, metadata of the container or machine.
	AccessKey, SecretKey, SessionToken string
	// Profile is the part of the shared credentials file to use; "" is AWS_PROFILE, or default.
	Profile string
	// SSE is how objects are encrypted by the storage: "" as the bucket says, "AES256", or "aws:kms" with the key SSEKMSKeyID; ""
	// is the account's.
	SSE, SSEKMSKeyID string
	// Patience is how long a request is made again; 0 is a minute.
	Patience time.Duration
	// Stall is how long a storage may be silent before the request is given up and made again; 0 is half a minute.
	Stall time.Duration
}

// String tells where it is, without secrets.
func (c Config) String() string { return cmp.Or(c.Endpoint, awsEndpoint) }

// GoString is String: no way of printing a Config shows its secrets.
func (c Config) GoString() string { return c.String() }

// Client is a connection to a storage. It is safe for concurrent use.
type Client struct {
	core      *minio.Core
	plain     *minio.Client // makes addresses that need no credentials
	transport *http.Transport
	endpoint  string
	secure    bool // TLS
	region    string
	sse       encrypt.ServerSide // nil for none
	patience  time.Duration
	stall     time.Duration
}

// Open checks the configuration and makes a client. It does not speak to the storage; Check does.
func Open(_ context.Context, config Config) (*Client, error) {
	u, err := config.endpoint()
	if err != nil {
		return nil, err
	}
	style, err := config.lookup()
	if err != nil {
		return nil, err
	}
	sse, err := config.encryption()
	if err != nil {
		return nil, err
	}
	if (config.AccessKey == "") != (config.SecretKey == "") {
		return nil, realmport.Errorf(realmport.Invalid, "S3 needs both an access key and its secret, or neither: only one is set")
	}
	c := &Client{
		transport: newTransport(),
		endpoint:  u.Scheme + "://" + u.Host,
		secure:    u.Scheme == "https",
		region:    cmp.Or(config.Region, s3utils.GetRegionFromURL(*u), os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), defaultRegion),
		sse:       sse,
		patience:  cmp.Or(config.Patience, defaultPatience),
		stall:     cmp.Or(config.Stall, defaultStall),
	}
	options := minio.Options{
		Creds: config.credentials(), Secure: c.secure, Region: c.region, BucketLookup: style,
		Transport:  tolerant{c.transport},
		MaxRetries: 1, // retries are made here
	}
	client, err := minio.New(u.Host, &options)
	if err != nil {
		return nil, realmport.Errorf(realmport.Invalid, "the S3 endpoint %q cannot be used: %w", c.endpoint, err)
	}
	client.SetAppInfo("realmport", "1")
	c.core = &minio.Core{Client: client}
	options.Creds = credentials.NewStaticV4("none", "none", "")
	if c.plain, err = minio.New(u.Host, &options); err != nil {
		return nil, err
	}
	return c, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// endpoint returns the endpoint's address. Its errors do not repeat what may hold a password.
func (c Config) endpoint() (*url.URL, error) {
	text := cmp.Or(c.Endpoint, awsEndpoint)
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.User != nil:
		return nil, realmport.Errorf(realmport.Invalid, "the S3 endpoint is not an address of the form https://HOST or http://HOST:PORT "+
			"(keys are set by themselves, not in the address)")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", strings.Trim(u.Path, "/") != "", u.RawQuery != "", u.Fragment != "":
		return nil, realmport.Errorf(realmport.Invalid, "the S3 endpoint %q is not an address of the form https://HOST or http://HOST:PORT, "+
			"without a bucket or path", u.Scheme+"://"+u.Host+u.Path)
	}
	return u, nil
}

func (c Config) lookup() (minio.BucketLookupType, error) {
	switch c.AddressingStyle {
	case "", "auto":
		return minio.BucketLookupAuto, nil
	case "path":
		return minio.BucketLookupPath, nil
	case "virtual":
		return minio.BucketLookupDNS, nil
	}
	return 0, realmport.Errorf(realmport.Invalid, "the S3 addressing style %q is none of auto, path, virtual", c.AddressingStyle)
}

func (c Config) encryption() (encrypt.ServerSide, error) {
	switch {
	case c.SSEKMSKeyID != "" && c.SSE != "aws:kms":
		return nil, realmport.Errorf(realmport.Invalid, "a KMS key is set for S3, but server-side encryption is %q, not aws:kms", c.SSE)
	case c.SSE == "":
		return nil, nil // none is what was asked for
	case c.SSE == "AES256":
		return encrypt.NewSSE(), nil
	case c.SSE == "aws:kms":
		return encrypt.NewSSEKMS(c.SSEKMSKeyID, nil)
	}
	return nil, realmport.Errorf(realmport.Invalid, "the S3 server-side encryption %q is none of AES256, aws:kms", c.SSE)
}

// newTransport returns a transport for many requests at the same time to one host. Its requests are bounded in time by
// those who make them.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		MaxIdleConns:        256,
		MaxIdleConnsPerHost: 128,
		IdleConnTimeout:     30 * time.Second,
		// Objects are wanted as they are stored, also those with a content encoding.
		DisableCompression: true,
	}
}

// tolerant takes from answers what whoever put an object could set freely, is not used here, and keeps the library from
// reading the object if it is odd. It takes note of when answers were made.
type tolerant struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t tolerant) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Header.Del("Expires")
		note(resp)
	}
	return resp, err
}

// place names a bucket, or an object in it, in messages.
func place(bucket, key string) string {
	return strings.TrimSuffix(fmt.Sprintf("s3://%s/%s", bucket, key), "/")
}
