package fault_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport/internal/fault"
)

// hello starts a server that answers with the host it was asked for, and what it was sent.
func hello(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Host+" "+string(body))
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// post sends a request for the host example, and returns what came of the answer.
func post(ctx context.Context, h *fault.HTTP, client *http.Client) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+h.Addr()+"/a?b=c", strings.NewReader("hello"))
	if err != nil {
		return 0, "", err
	}
	req.Host = "example"
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault  fault.Fault
		status int
		body   string
		fails  bool
	}{
		"forwards":         {nil, 200, "example hello", false},
		"answers":          {fault.Answer(503, "SlowDown"), 503, "<Error><Code>SlowDown</Code><Message>planned by the test</Message></Error>", false},
		"resets":           {fault.Reset(4), 200, "exam", true},
		"resets at once":   {fault.Reset(0), 200, "", true},
		"resets a request": {fault.ResetRequest(2), 0, "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := fault.NewHTTP(t, hello(t))
			client := &http.Client{Transport: &http.Transport{}}
			if tt.fault != nil {
				h.Spoil(1, func(r *http.Request) bool { return r.URL.Path == "/a" }, tt.fault)
				h.Spoil(1, func(r *http.Request) bool { return r.URL.Path == "/a" }, fault.Answer(429, "later"))
			}
			status, body, err := post(t.Context(), h, client)
			if status != tt.status || body != tt.body || (err != nil) != tt.fails {
				t.Errorf("got %d, %q, %v, want %d, %q and an error: %v", status, body, err, tt.status, tt.body, tt.fails)
			}
			if tt.fault != nil {
				if status, _, err := post(t.Context(), h, client); status != 429 {
					t.Errorf("second plan: got %d, %v, want 429", status, err)
				}
			}
			if status, body, err := post(t.Context(), h, client); status != 200 || body != "example hello" {
				t.Errorf("after that: got %d, %q, %v", status, body, err)
			}
			got := h.Requests(func(r fault.Request) bool { return r.Method == http.MethodPost && r.Query.Get("b") == "c" })
			up, down := h.Bytes()
			if len(got) < 2 || up < 100 || down < 100 {
				t.Errorf("got %d requests, %d bytes up, %d down", len(got), up, down)
			}
		})
	}
}

func TestHTTPStalls(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{-1, 3} {
		h := fault.NewHTTP(t, hello(t))
		h.Spoil(1, nil, fault.Stall(n))
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, body, err := post(ctx, h, &http.Client{Transport: &http.Transport{}})
		cancel()
		if err == nil || len(body) != int(max(n, 0)) {
			t.Errorf("after %d bytes: got %q, %v, want an error", n, body, err)
		}
	}
}

func TestHTTPRefuses(t *testing.T) {
	t.Parallel()
	h := fault.NewHTTP(t, hello(t))
	client := &http.Client{Transport: &http.Transport{}}
	h.Refuse()
	if _, _, err := post(t.Context(), h, client); err == nil {
		t.Error("refused: got no error")
	}
	h.Accept()
	h.Delay(time.Millisecond)
	if status, _, err := post(t.Context(), h, client); status != 200 {
		t.Errorf("accepted again: got %d, %v", status, err)
	}
}

// notes takes the errors of a test in a test.
type notes struct {
	testing.TB
	failed int
	ends   []func()
}

func (n *notes) Errorf(string, ...any) { n.failed++ }
func (n *notes) Cleanup(f func())      { n.ends = append(n.ends, f) }

func TestHTTPPlansHappen(t *testing.T) {
	t.Parallel()
	n := &notes{TB: t}
	h := fault.NewHTTP(n, hello(t))
	h.Spoil(2, nil, fault.Answer(500, ""))
	h.Always(nil, fault.Answer(501, ""))
	_, _, _ = post(t.Context(), h, http.DefaultClient)
	for _, end := range n.ends {
		end()
	}
	if n.failed != 1 {
		t.Errorf("got %d errors of a fault that happened once of twice, want 1", n.failed)
	}
}
