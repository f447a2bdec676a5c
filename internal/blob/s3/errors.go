package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/realmport/realmport"
)

// probePatience is how long the storage may take to show that it answers at all.
const probePatience = 10 * time.Second

// explain returns what is to be said of a failed request about an object, or a bucket if the key is "". What was to be done
// is a verb: "read".
func (c *Client) explain(ctx context.Context, verb, bucket, key string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if known, ok := errors.AsType[*realmport.Error](err); ok {
		return known
	}
	if errors.Is(err, errNoKeys) {
		return realmport.Errorf(realmport.NotAllowed, "%w: set the access key and its secret, or provide them by "+
			"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a shared credentials file, or a role of this machine", errNoKeys)
	}
	answer, ok := errors.AsType[minio.ErrorResponse](err)
	if ok {
		if err := c.refusal(bucket, answer); err != nil {
			return err
		}
	}
	if spent, ok := errors.AsType[*exhausted](err); ok {
		if c.answers(ctx, bucket) {
			return fmt.Errorf("%s %s: tried for %v: %w", verb, place(bucket, key), c.patience, spent.err)
		}
		return unavailable(c.endpoint, bucket, fmt.Sprintf("tried for %v", c.patience), spent.err)
	}
	if !ok {
		if insecure(err) {
			return unavailable(c.endpoint, bucket, "no secure connection", err)
		}
		return fmt.Errorf("%s %s: %w", verb, place(bucket, key), err)
	}
	switch {
	case answer.Code == minio.NoSuchBucket:
		return &realmport.Error{
			Code: realmport.NotFound, Err: err,
			Message: fmt.Sprintf("there is no bucket %q at %s in region %s: check its name and the endpoint", bucket, c.endpoint, c.region),
		}
	case answer.Code == minio.NoSuchKey:
		return &fs.PathError{Op: verb, Path: place(bucket, key), Err: fs.ErrNotExist}
	case answer.StatusCode == http.StatusForbidden:
		return &realmport.Error{
			Code: realmport.NotAllowed, Err: errors.Join(fs.ErrPermission, err),
			Message: fmt.Sprintf("cannot %s %s: %s (%s)", verb, place(bucket, key), answer.Message, answer.Code),
		}
	}
	return fmt.Errorf("%s %s: %w", verb, place(bucket, key), err)
}

func unavailable(endpoint, bucket, how string, err error) error {
	return &realmport.Error{
		Code: realmport.Unavailable, Err: err,
		Message: fmt.Sprintf("the storage at %s does not answer for bucket %q (%s): %s", endpoint, bucket, how, reason(err)),
	}
}

// answers tells whether the storage answers a cheap request about the bucket, whatever the answer.
func (c *Client) answers(ctx context.Context, bucket string) bool {
	err := once(ctx, min(probePatience, c.stall), func(ctx context.Context) error {
		_, err := c.core.BucketExists(ctx, bucket)
		return err
	})
	if err == nil {
		return true
	}
	answer, ok := errors.AsType[minio.ErrorResponse](err)
	return ok && answer.StatusCode != 0 && !transient(answer)
}

// isCode tells whether it is an answer of that code.
func isCode(err error, code string) bool {
	answer, ok := errors.AsType[minio.ErrorResponse](err)
	return ok && answer.Code == code
}

// refusal returns what is to be said of an answer that refuses whoever asks, whatever they ask for; nil if that is not what it says.
// It is NotAllowed without fs.ErrPermission, which is about one object.
func (c *Client) refusal(bucket string, answer minio.ErrorResponse) error {
	if elsewhere(answer) {
		return c.wrongRegion(realmport.NotAllowed, bucket, answer)
	}
	advice := ""
	switch answer.Code {
	case "InvalidAccessKeyId", "InvalidClientTokenId", "XAdminUserNotFound": // the last by versitygw, with 404
		advice = "check the access key"
	case "SignatureDoesNotMatch":
		advice = "check the secret key, which must be that of the access key"
	case "InvalidToken":
		advice = "check the session token, which must be that of the keys"
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
		advice = "provide new keys: these were for a time that is over"
	case "RequestTimeTooSkewed":
		advice = "set the clock of this machine, which is too far from that of the storage"
	case "AccountProblem", "AllAccessDisabled", "NotSignedUp":
		advice = "ask who runs the storage about the account"
	default:
		return nil
	}
	return &realmport.Error{
		Code: realmport.NotAllowed, Err: answer,
		Message: fmt.Sprintf("the storage at %s refuses realmport for bucket %q: %s (%s): %s", c.endpoint, bucket, answer.Message, answer.Code, advice),
	}
}

// spoken returns the error of a HEAD request with its reason, if that is a refusal: the answer to HEAD has no room for it, but one to
// another request has.
func (c *Client) spoken(ctx context.Context, bucket string, err error) error {
	answer, ok := errors.AsType[minio.ErrorResponse](err)
	if !ok || answer.StatusCode != http.StatusForbidden && answer.StatusCode != http.StatusBadRequest {
		return err
	}
	again := once(ctx, min(probePatience, c.stall), func(ctx context.Context) error { return c.touch(ctx, bucket) })
	if reason, ok := errors.AsType[minio.ErrorResponse](again); ok && c.refusal(bucket, reason) != nil {
		return again
	}
	return err
}

// touch lists as little of a bucket as there can be.
func (c *Client) touch(ctx context.Context, bucket string) error {
	for object := range c.core.ListObjectsIter(ctx, bucket, minio.ListObjectsOptions{MaxKeys: 1}) {
		return object.Err
	}
	return ctx.Err()
}

// elsewhere tells whether the answer says that the bucket is in another region.
func elsewhere(answer minio.ErrorResponse) bool {
	switch answer.Code {
	case minio.AuthorizationHeaderMalformed, minio.InvalidRegion, "PermanentRedirect", "IllegalLocationConstraintException", "IncorrectEndpoint":
		return true
	}
	return answer.StatusCode == http.StatusMovedPermanently || answer.StatusCode == http.StatusTemporaryRedirect
}

func (c *Client) wrongRegion(code realmport.Code, bucket string, answer minio.ErrorResponse) error {
	where := "another region than " + c.region
	if answer.Region != "" {
		where = "region " + answer.Region + ", not " + c.region
	}
	return &realmport.Error{
		Code: code, Err: answer,
		Message: fmt.Sprintf("bucket %q at %s is in %s: set the region (%s)", bucket, c.endpoint, where, answer.Message),
	}
}

// reason is what a network error says, without the request's address in front.
func reason(err error) string {
	if request, ok := errors.AsType[*url.Error](err); ok {
		return request.Err.Error()
	}
	return err.Error()
}

// checkBucket refuses what cannot be the name of a bucket.
func checkBucket(bucket string) error {
	if err := s3utils.CheckValidBucketName(bucket); err != nil {
		return realmport.Errorf(realmport.Invalid, "%q cannot be the name of a bucket of S3: %w", bucket, err)
	}
	return nil
}

// Check makes sure, with little patience, that the bucket can be reached and listed, and says what is wrong if not.
func (c *Client) Check(ctx context.Context, bucket string) error {
	if err := checkBucket(bucket); err != nil {
		return err
	}
	err := once(ctx, min(probePatience, c.stall), func(ctx context.Context) error { return c.touch(ctx, bucket) })
	if err == nil || errors.Is(err, errNoKeys) {
		return c.explain(ctx, "list", bucket, "", err)
	}
	if answer, ok := errors.AsType[minio.ErrorResponse](err); ok && elsewhere(answer) {
		return c.wrongRegion(realmport.Invalid, bucket, answer) // the configuration is being checked
	}
	if _, ok := errors.AsType[minio.ErrorResponse](err); !ok && transient(err) && ctx.Err() == nil {
		if _, ok := errors.AsType[*realmport.Error](err); !ok {
			return unavailable(c.endpoint, bucket, "cannot connect", err)
		}
	} else if ok && transient(err) {
		return unavailable(c.endpoint, bucket, "it answers with an error", err)
	}
	return c.explain(ctx, "list", bucket, "", err)
}
