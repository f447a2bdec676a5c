package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/exports"
)

const statusPath = "/realmport/v1/exports/1"

// known is the part of an export's status that tests look at.
type known struct {
	ID                           int64
	Status                       string
	ExportType                   any `json:"export_type"`
	Requested, Started, Finished *string
	Attempt                      int
	Progress                     struct {
		Phase      string
		Done       float64
		ETASeconds *int64 `json:"eta_seconds"`
	}
	Stats       map[string]any
	SHA256      *string
	Size        *int64
	Missing     map[string]int
	MissingList []realmport.Missing `json:"missing_list"`
	Reason      *string
	ExportURL   *string `json:"export_url"`
}

func (w *world) status(t *testing.T, as int64) known {
	t.Helper()
	r := w.do(request{target: statusPath, as: as})
	var body struct{ Export known }
	must(t, json.Unmarshal([]byte(r.body), &body))
	if r.status != http.StatusOK || body.Export.ID != 1 {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	return body.Export
}

func text(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, k, nil)
			w.post(adminI, "export_type=2")
			s := w.status(t, ownerO)
			if s.Status != "requested" || s.ExportType != 2.0 || s.Attempt != 0 || s.Stats != nil || s.SHA256 != nil || s.Size != nil || s.Reason != nil ||
				text(s.Requested) != "2026-11-23T11:59:38.706807Z" || s.Started != nil || s.Finished != nil || s.ExportURL != nil {
				t.Errorf("at first: got %+v", s)
			}
			w.clock.Advance(time.Minute)
			w.work(1, false)
			s, e := w.status(t, ownerO), w.export(1)
			if s.Status != "succeeded" || s.Attempt != 1 || s.Progress.Done != 1 || s.Progress.ETASeconds != nil || text(s.SHA256) != e.SHA256 ||
				*s.Size != e.Size || s.Stats["messages"] == 0 || text(s.Finished) != "2026-11-23T12:00:38.706807Z" || s.Started == nil || s.Reason != nil ||
				text(s.ExportURL) != "https://acme.example.com"+e.Path {
				t.Errorf("at the end: got %+v", s)
			}
			if len(s.MissingList) == 0 || s.Missing[s.MissingList[0].Kind] == 0 {
				t.Errorf("got missing %v, %+v, want what the rules organization lacks", s.Missing, s.MissingList)
			}
			w.remove(adminI, "1").want(t, http.StatusOK, done)
			if s := w.status(t, adminI); s.Status != "deleted" || s.ExportURL != nil || s.Stats == nil {
				t.Errorf("deleted: got %+v", s)
			}
		})
	}
}

func TestStatusOfFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	w.post(adminI, "")
	w.clock.Advance(time.Minute)
	w.work(1, true)
	if s := w.status(t, adminI); s.Status != "failed" || !strings.HasPrefix(text(s.Reason), "a database or storage of this server does not answer") || s.Finished == nil || s.Attempt != 1 {
		t.Errorf("got %+v, want why it failed", s)
	}
	w.do(request{method: http.MethodHead, target: statusPath, as: adminI}).wantEmpty(t, http.StatusOK)
	const notThere = `{"result":"error","msg":"Invalid data export ID","code":"NOT_FOUND"}`
	w.row(otherRealm, realmport.Succeeded, stranger, now)
	for _, id := range []string{"2", "3", "99999999999999999999"} {
		path := "/realmport/v1/exports/" + id
		for _, r := range []request{{target: path}, {target: path + "/events"}, {method: http.MethodPost, target: path + "/cancel"}} {
			r.as = adminI
			w.do(r).want(t, http.StatusNotFound, notThere).wantHeader(t, "Access-Control-Allow-Origin", "")
			r.as = memberM
			w.do(r).wantNoAdmin(t)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, k, nil)
			queue := w.register(t, ownerO, `["realm_export"]`)
			w.post(adminI, "")
			cancel := request{method: http.MethodPost, target: statusPath + "/cancel", as: adminI}
			w.do(cancel).want(t, http.StatusOK, done)
			w.do(cancel).wantRefused(t, "Export is not in progress")
			if s := w.status(t, adminI); s.Status != "failed" || text(s.Reason) != "cancelled by user 11" {
				t.Errorf("got %+v, want who cancelled it", s)
			}
			if r := w.poll(ownerO, queue, -1); strings.Count(r.body, `"failed_timestamp":null`) != 1 || strings.Count(r.body, `"type"`) != 2 {
				t.Errorf("got %s, want both lists", r.body)
			}
		})
	}
}

func TestETA(t *testing.T) {
	t.Parallel()
	at := func(done float64, status realmport.ExportStatus, elapsed time.Duration) *int64 {
		return eta(&exports.Status{
			Export: realmport.Export{Status: status},
			Run:    realmport.Run{Started: now, Heartbeat: now.Add(elapsed), Progress: realmport.Progress{Done: done}},
		})
	}
	if got := at(0.25, realmport.Started, time.Minute); got == nil || *got != 180 {
		t.Errorf("got %v, want three minutes", got)
	}
	for _, got := range []*int64{at(0.001, realmport.Started, time.Minute), at(0.5, realmport.Succeeded, time.Minute), at(0.5, realmport.Started, -time.Minute)} {
		if got != nil {
			t.Errorf("got %v, want none", *got)
		}
	}
}

// stream is an open stream of server-sent events.
type stream struct {
	*connection
	lines *bufio.Reader
}

func (w *world) stream(t *testing.T, header ...string) *stream {
	t.Helper()
	c := w.send(request{target: statusPath + "/events", as: adminI, header: header})
	resp := c.response() //nolint:bodyclose // it ends with the connection
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("got %d %s", resp.StatusCode, resp.Header)
	}
	c.described(response{status: resp.StatusCode, header: resp.Header})
	return &stream{connection: c, lines: bufio.NewReader(resp.Body)}
}

// next returns the next piece of the stream, "" at its end.
func (s *stream) next() string {
	s.t.Helper()
	var b strings.Builder
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return b.String()
		}
		if line == "\n" {
			return b.String()
		}
		b.WriteString(line)
	}
}

// status reads the next event's status and whether it is the last one.
func (s *stream) status(t *testing.T) (status string, phase string, final bool) {
	t.Helper()
	piece := s.next()
	_, data, ok := strings.Cut(piece, "data: ")
	var k known
	if err := json.Unmarshal([]byte(data), &k); err != nil || !ok || !strings.HasPrefix(piece, "event: export\n") {
		t.Fatalf("got %q, want an event: %v", piece, err)
	}
	return k.Status, k.Progress.Phase, strings.Contains(piece, "\nid: final\n")
}

// turn lets the stream look for changes once.
func (w *world) turn(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	must(t, w.clock.Await(ctx, 1))
	w.clock.Advance(streamPause)
}

func TestStream(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, k, nil)
			w.post(adminI, "")
			s := w.stream(t)
			var got []string
			note := func() {
				status, phase, final := s.status(t)
				got = append(got, status+" "+phase)
				if final {
					got = append(got, "final")
				}
			}
			note()
			ctx := context.Background()
			_, _, err := w.worker.Runs.Claim(ctx, realmport.Claim{ExportID: 1, RealmID: acmeRealm, Owner: "worker", Stale: time.Hour})
			must(t, err)
			_, err = w.worker.Runs.Beat(ctx, 1, "worker", realmport.Progress{Phase: "messages", Done: 0.5})
			must(t, err)
			w.turn(t)
			note()
			// While nothing changes, there is a comment now and then.
			for range int(streamComment / streamPause) {
				w.turn(t)
			}
			if piece := s.next(); piece != ": still at it\n" {
				t.Errorf("got %q, want a comment", piece)
			}
			must(t, w.worker.Runs.Release(ctx, 1, "worker", "", true))
			w.work(1, false)
			w.turn(t)
			note()
			if piece := s.next(); piece != "" {
				t.Errorf("got %q after the end", piece)
			}
			if diff := cmp.Diff([]string{"requested ", "requested messages", "succeeded done", "final"}, got); diff != "" {
				t.Error(diff)
			}
			// A browser connects again, and is told to stop.
			w.do(request{target: statusPath + "/events", as: adminI, header: []string{"Last-Event-ID: final"}}).wantEmpty(t, http.StatusNoContent)
			if status, _, final := w.stream(t).status(t); status != "succeeded" || !final {
				t.Errorf("got %s, final %t, want the final state at once", status, final)
			}
		})
	}
}

// TestStreamEnds checks that a stream ends when its reader may not read any more, and when the server is closed.
func TestStreamEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world){
		"demoted": func(w *world) {
			w.set(adminI, "role", int(realmport.Member))
			w.clock.Advance(streamComment)
		},
		"deactivated": func(w *world) {
			w.set(adminI, "is_active", false)
			w.clock.Advance(streamComment)
		},
		"closed": func(w *world) { w.api.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kinds()[0], nil)
			w.post(adminI, "")
			s := w.stream(t)
			s.status(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			must(t, w.clock.Await(ctx, 1))
			end(w)
			if piece := s.next(); piece != "" {
				t.Errorf("got %q, want the end", piece)
			}
		})
	}
}

func TestTooManyStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kinds()[0], nil)
	w.post(adminI, "")
	for range streamsPerUser {
		w.stream(t).status(t)
	}
	w.do(request{target: statusPath + "/events", as: adminI}).
		want(t, http.StatusTooManyRequests, `{"result":"error","msg":"Too many streams are open","code":"RATE_LIMIT_HIT"}`)
}
