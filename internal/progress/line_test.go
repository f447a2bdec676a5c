package progress

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/realmport/realmport"
)

func TestCount(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n    int64
		want string
	}{
		{0, "0"},
		{7, "7"},
		{999, "999"},
		{1000, "1,000"},
		{1234567, "1,234,567"},
		{-999, "-999"},
		{-1000, "-1,000"},
		{math.MaxInt64, "9,223,372,036,854,775,807"},
		{math.MinInt64, "-9,223,372,036,854,775,808"},
	} {
		if got := Count(tt.n); got != tt.want {
			t.Errorf("Count(%d): got %q, want %q", tt.n, got, tt.want)
		}
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n    int64
		want string
	}{
		{0, "0 B"},
		{1023, "1023 B"},
		{1024, "1.0 KiB"},
		{1536, "1.5 KiB"},
		{1<<20 - 1, "1.0 MiB"}, // not 1024.0 KiB
		{1 << 20, "1.0 MiB"},
		{1<<30 - 1<<20, "1023.0 MiB"},
		{5 << 30, "5.0 GiB"},
		{1 << 40, "1.0 TiB"},
		{1 << 50, "1.0 PiB"},
		{math.MaxInt64, "8.0 EiB"},
	} {
		if got := Bytes(tt.n); got != tt.want {
			t.Errorf("Bytes(%d): got %q, want %q", tt.n, got, tt.want)
		}
	}
}

func TestPlural(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n    int64
		want string
	}{
		{0, "0 rows"},
		{1, "1 row"},
		{2, "2 rows"},
		{1000, "1,000 rows"},
	} {
		if got := Plural(tt.n, "row"); got != tt.want {
			t.Errorf("Plural(%d): got %q, want %q", tt.n, got, tt.want)
		}
	}
}

func TestRemaining(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		done   float64
		want   time.Duration
		wantOK bool
	}{
		{0, 0, false},
		{0.009, 0, false},
		{0.25, 30 * time.Second, true},
		{0.5, 10 * time.Second, true},
		{1, 0, true},
		{1.5, 0, false},
	} {
		got, ok := Remaining(tt.done, 10*time.Second)
		if got != tt.want || ok != tt.wantOK {
			t.Errorf("Remaining(%v): got %v, %v, want %v, %v", tt.done, got, ok, tt.want, tt.wantOK)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	half := realmport.Progress{Phase: "messages", Done: 0.5, Rows: 1_000_000, Bytes: 3 << 20}
	for _, tt := range []struct {
		name  string
		p     realmport.Progress
		width int
		want  string
	}{
		{"no limit, no bar", half, 0, " 50%  messages  100,000 rows/s  3.0 MiB  ETA 10s"},
		{"wide", half, 200, "[==========          ]  50%  messages  100,000 rows/s  3.0 MiB  ETA 10s"},
		{"cut", half, 40, "[==========          ]  50%  messages  1"},
		{"one column", half, 1, "["},
		{"beginning", realmport.Progress{Phase: "connect"}, 200, "[                    ]   0%  connect  0 B"},
		{"almost all", realmport.Progress{Phase: "files", Done: 0.999}, 0, " 99%  files  0 B  ETA 0s"},
		{"all", realmport.Progress{Phase: "finish", Done: 1}, 200, "[====================] 100%  finish  0 B  ETA 0s"},
		{"out of range", realmport.Progress{Phase: "x", Done: 7}, 200, "[====================] 100%  x  0 B"},
		{"below range", realmport.Progress{Phase: "x", Done: -7}, 200, "[                    ]   0%  x  0 B"},
		{"two bytes each", realmport.Progress{Phase: "größe"}, 35, "[                    ]   0%  größe "},
		{"two columns each", realmport.Progress{Phase: "消息历史"}, 35, "[                    ]   0%  消息历"},
		{"half a wide one", realmport.Progress{Phase: "消息历史"}, 34, "[                    ]   0%  消息"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Line(tt.p, 10*time.Second, tt.width); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// TestLineProperties checks whatever numbers there may be.
func TestLineProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := realmport.Progress{
			Phase: rapid.StringOf(rapid.Rune()).Draw(t, "phase"),
			Done:  rapid.Float64Range(-2, 2).Draw(t, "done"),
			Rows:  rapid.Int64().Draw(t, "rows"), Bytes: rapid.Int64().Draw(t, "bytes"),
		}
		width := rapid.IntRange(1, 100).Draw(t, "width")
		line := Line(p, time.Duration(rapid.Int64().Draw(t, "elapsed")), width)
		if !utf8.ValidString(line) || utf8.RuneCountInString(line) > width {
			t.Fatalf("got %q, want valid text of at most %d columns", line, width)
		}
		if width > barWidth+2 && strings.IndexByte(line, ']') != barWidth+1 {
			t.Fatalf("got %q, want a bar of %d columns", line, barWidth)
		}
	})
}
