package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
)

// The pauses between attempts grow from the first to the longest; each is shortened by chance, so that many
// who failed together do not come back together.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 5 * time.Second
)

// errSilent is why a request ends that the storage did not answer in time.
var errSilent = errors.New("the storage fell silent")

// exhausted says that a request was made until patience ended. The last attempt's error is the cause.
type exhausted struct{ err error }

func (e *exhausted) Error() string { return e.err.Error() }
func (e *exhausted) Unwrap() error { return e.err }

// do makes a request, each attempt of which may take so long, until it succeeds, fails for good, or patience ends.
func (c *Client) do(ctx context.Context, limit time.Duration, request func(context.Context) error) error {
	return c.retry(ctx, func() error { return once(ctx, limit, request) })
}

// once makes one attempt.
func once(ctx context.Context, limit time.Duration, request func(context.Context) error) error {
	attempt, cancel := context.WithTimeoutCause(ctx, limit, errSilent)
	defer cancel()
	err := request(attempt)
	if err != nil && ctx.Err() == nil && attempt.Err() != nil {
		return context.Cause(attempt)
	}
	return err
}

// retry calls attempt until it succeeds, fails for good, or patience ends.
func (c *Client) retry(ctx context.Context, attempt func() error) error {
	end := clock.Now().Add(c.patience)
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := attempt()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !transient(err):
			return err
		case clock.Now().Add(pause).After(end):
			return &exhausted{err}
		}
		if err := rest(ctx, pause); err != nil {
			return err
		}
	}
}

// rest waits for between half of the pause and all of it.
func rest(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause/2 + rand.N(pause/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// passing are the codes and statuses of answers that ask to come again.
var (
	passingCodes = []string{
		"InternalError", "SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "RequestTimeout", "Throttling", "ThrottlingException",
		"RequestThrottled", "RequestLimitExceeded", "ExpiredToken", "ExpiredTokenException", "OperationAborted",
	}
	passingStatuses = []int{http.StatusRequestTimeout, http.StatusTooManyRequests, 499}
)

// transient tells whether the same request may succeed later.
func transient(err error) bool {
	if answer, ok := errors.AsType[minio.ErrorResponse](err); ok {
		// Without a status it is the library's own: a request it cannot make, an answer it cannot read.
		return answer.StatusCode != 0 && (answer.StatusCode >= 500 && answer.StatusCode != http.StatusNotImplemented ||
			slices.Contains(passingStatuses, answer.StatusCode) || slices.Contains(passingCodes, answer.Code))
	}
	_, refused := errors.AsType[permanent](err)
	_, known := errors.AsType[*realmport.Error](err)
	return !refused && !known && !insecure(err) && !errors.Is(err, fs.ErrNotExist)
}

// insecure tells whether the storage's certificate is refused, or it does not speak TLS.
func insecure(err error) bool {
	var (
		header      tls.RecordHeaderError
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		host        x509.HostnameError
		invalid     x509.CertificateInvalidError
	)
	return errors.As(err, &header) || errors.As(err, &certificate) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) ||
		errors.Is(err, http.ErrSchemeMismatch)
}

// permanent is an error of this package that another attempt does not mend.
type permanent string

func (e permanent) Error() string { return string(e) }
