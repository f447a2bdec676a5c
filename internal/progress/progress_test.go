package progress_test

import (
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/progress"
)

// bundle is a reporter with its surroundings, to be made in a synctest bubble, whose
// clock stands still until all wait.
type bundle struct {
	*progress.Reporter
	meter *realmport.Meter
	out   output
	width atomic.Int64
}

// output is where a test finds what was written meanwhile.
type output struct {
	mu   sync.Mutex
	text []byte // +checklocks:mu
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	return len(p), nil
}

// take returns what was written since it was called last.
func (o *output) take() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := string(o.text)
	o.text = nil
	return text
}

func setup(style progress.Style) *bundle {
	b := &bundle{meter: &realmport.Meter{}}
	b.width.Store(200)
	b.Reporter = progress.New(&b.out, style, b.meter, clock.Now, func() int { return int(b.width.Load()) })
	b.meter.SetPhase("messages")
	b.meter.MessagesTotal.Store(100)
	return b
}

// at lets time pass, and returns what was written meanwhile.
func (b *bundle) at(t *testing.T, later time.Duration) string {
	t.Helper()
	<-time.After(later)
	synctest.Wait()
	return b.out.take()
}

func TestStyles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		style       progress.Style
		first       time.Duration
		rows        int64
		want, after string
	}{
		{name: "none", style: progress.None, first: time.Hour},
		{
			name: "bar", style: progress.Bar, first: 200 * time.Millisecond, rows: 250,
			want: "\r\x1b[K[==========          ]  50%  messages  1,250 rows/s  2.0 KiB  ETA 0s", after: "\r\x1b[K",
		},
		{
			name: "lines", style: progress.Lines, first: 5 * time.Second, rows: 250,
			want: " 50%  messages  50 rows/s  2.0 KiB  ETA 5s\n",
		},
		{
			name: "json", style: progress.JSON, first: time.Second, rows: 250,
			want: `{"message_type":"status","phase":"messages","done":0.5,"messages":50,"messages_total":100,"rows":250,"files":0,` +
				`"files_total":0,"bytes":2048,"rows_per_second":250,"seconds_elapsed":1,"seconds_remaining":1}` + "\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(tt.style)
				b.Start()
				b.meter.Messages.Store(50)
				b.meter.Rows.Store(tt.rows)
				b.meter.Bytes.Store(2048)
				if got := b.at(t, tt.first-1); got != "" {
					t.Errorf("before the first report: got %q, want nothing", got)
				}
				if got := b.at(t, 1); got != tt.want {
					t.Errorf("first report: got %q, want %q", got, tt.want)
				}
				b.Stop()
				if got := b.at(t, time.Hour); got != tt.after {
					t.Errorf("after the end: got %q, want %q", got, tt.after)
				}
				b.Stop()
				if got := b.at(t, time.Hour); got != "" {
					t.Errorf("after another Stop: got %q, want nothing", got)
				}
			})
		})
	}
}

func TestStopBeforeStart(t *testing.T) {
	t.Parallel()
	for _, style := range []progress.Style{progress.None, progress.Bar, progress.Lines, progress.JSON} {
		b := setup(style)
		b.Stop()
		if got := b.out.take(); got != "" {
			t.Errorf("style %d: got %q, want nothing", style, got)
		}
	}
}

func TestStopBeforeFirstReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(progress.Bar)
		b.Start()
		b.Stop()
		if got := b.at(t, time.Hour); got != "" {
			t.Errorf("got %q, want nothing: there is no bar to clear", got)
		}
	})
}

func TestElapsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(progress.None)
		b.Start()
		defer b.Stop()
		b.at(t, time.Minute)
		if got, want := b.Elapsed(), time.Minute; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestTerminalsChange checks that the bar follows the width of its terminal, however narrow.
func TestTerminalsChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(progress.Bar)
		b.Start()
		defer b.Stop()
		for width, want := range map[int]string{100: "[                    ]   0%  messages  0 B", 25: "[                    ]  ", 2: "[", 1: "[", 0: "["} {
			b.width.Store(int64(width))
			if got := b.at(t, 200*time.Millisecond); got != "\r\x1b[K"+want {
				t.Errorf("%d columns: got %q, want %q", width, got, want)
			}
		}
	})
}

// TestNeverBack checks that work which turns up late does not send the bar back.
func TestNeverBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(progress.JSON)
		b.Start()
		defer b.Stop()
		var got []float64
		report := func() {
			var s progress.Status
			if err := json.Unmarshal([]byte(b.at(t, time.Second)), &s); err != nil {
				t.Fatal(err)
			}
			got = append(got, s.Done)
		}
		b.meter.Messages.Store(50)
		report()
		b.meter.FilesTotal.Store(1000)
		report()
		b.meter.Messages.Store(100)
		b.meter.Files.Store(1000)
		report()
		if diff := cmp.Diff([]float64{0.5, 0.5, 1}, got); diff != "" {
			t.Errorf("done (-want +got):\n%s", diff)
		}
	})
}

func TestObjectsAreLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(progress.JSON)
		b.meter.SetPhase("a \"phase\"\nwith everything")
		b.Start()
		text := b.at(t, 10*time.Second)
		b.Stop()
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if len(lines) != 10 {
			t.Errorf("got %d lines in ten seconds, want 10", len(lines))
		}
		for _, line := range lines {
			var got map[string]any
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			remaining, there := got["seconds_remaining"]
			if got["message_type"] != "status" || got["phase"] != "a \"phase\"\nwith everything" || !there || remaining != nil {
				t.Errorf("got %s, want a status of the phase without an estimate", line)
			}
		}
	})
}
