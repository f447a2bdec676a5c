package fault

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
)

// Answer answers with that status and code in place of the server, as S3 writes errors. The request's body is read first.
func Answer(status int, code string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>planned by the test</Message></Error>", code)
		}
	}
}

// Reset resets the connection once n bytes of the answer's body have passed. The server has done its work by then.
func Reset(n int64) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(&cutter{ResponseWriter: w, left: n, cut: func() { reset(r) }}, r)
		reset(r)
	}
}

// ResetRequest resets the connection once n bytes of the request's body have come. The server sees nothing of it.
func ResetRequest(n int64) Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.CopyN(io.Discard, r.Body, n)
		reset(r)
	}
}

// Stall lets n bytes of the answer's body pass and then nothing more, until the client gives up; with a negative n not even the answer's head.
func Stall(n int64) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		silence := func() {
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}
		if n < 0 {
			_, _ = io.Copy(io.Discard, r.Body)
			silence()
		}
		next.ServeHTTP(&cutter{ResponseWriter: w, left: n, cut: silence}, r)
		silence()
	}
}

// Edit passes the server's answer through edit, which may change the header and returns the body. A HEAD request has none.
func Edit(edit func(header http.Header, body []byte) []byte) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		header := answer.Header().Clone()
		header.Del("Content-Length")
		body := edit(header, answer.Body.Bytes())
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	}
}

// cutter calls cut, which does not return, once so many bytes were written.
type cutter struct {
	http.ResponseWriter
	left int64
	cut  func()
}

// Write implements io.Writer.
func (c *cutter) Write(p []byte) (int, error) {
	if int64(len(p)) <= c.left {
		c.left -= int64(len(p))
		return c.ResponseWriter.Write(p)
	}
	_, _ = c.ResponseWriter.Write(p[:c.left])
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	c.cut()
	return 0, http.ErrAbortHandler
}

// Unwrap is for http.ResponseController.
func (c *cutter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
