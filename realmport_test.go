package realmport_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"pgregory.net/rapid"

	"github.com/realmport/realmport"
)

func TestParseExportType(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		want realmport.ExportType
	}{{"public", 1}, {"standard", 2}, {"full", 3}} {
		got, err := realmport.ParseExportType(tt.name)
		if err != nil || got != tt.want {
			t.Errorf("%q: got %d, %v, want %d", tt.name, got, err, tt.want)
		}
		if got.String() != tt.name {
			t.Errorf("name of %d: got %q, want %q", got, got, tt.name)
		}
	}
	for _, name := range []string{"", "Public", "unknown", "1", "full ", "full_with_consent"} {
		got, err := realmport.ParseExportType(name)
		if realmport.ErrorCode(err) != realmport.Invalid || got != 0 {
			t.Errorf("%q: got %d, %v, want an error that says invalid", name, got, err)
		}
	}
	for _, other := range []realmport.ExportType{0, 4, -1} {
		if got, want := other.String(), "unknown"; got != want {
			t.Errorf("name of %d: got %q, want %q", int(other), got, want)
		}
	}
}

func TestErrorf(t *testing.T) {
	t.Parallel()
	cause := &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}
	err := realmport.Errorf(realmport.NotFound, "cannot read %q: %w", "x", cause)
	if got, want := err.Error(), `cannot read "x": open x: file does not exist`; got != want {
		t.Errorf("message: got %q, want %q", got, want)
	}
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, cause) {
		t.Errorf("got %v, want one that is its cause", err)
	}
	plain := realmport.Errorf(realmport.Invalid, "wrong: %v", cause)
	if plain.Err != nil || errors.Is(plain, cause) {
		t.Errorf("got cause %v, want none without %%w", plain.Err)
	}
}

func TestErrorCode(t *testing.T) {
	t.Parallel()
	notFound := realmport.Errorf(realmport.NotFound, "there is none")
	for _, tt := range []struct {
		name string
		err  error
		want realmport.Code
	}{
		{"nil", nil, ""},
		{"another error", errors.New("x"), realmport.Internal},
		{"itself", notFound, realmport.NotFound},
		{"wrapped", fmt.Errorf("x: %w", notFound), realmport.NotFound},
		{"joined", errors.Join(errors.New("x"), notFound, realmport.Errorf(realmport.Invalid, "y")), realmport.NotFound},
		{"the outermost counts", realmport.Errorf(realmport.Interrupted, "stopped: %w", notFound), realmport.Interrupted},
	} {
		if got := realmport.ErrorCode(tt.err); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestSummaryPartial(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		missing map[string]int
		want    bool
	}{{nil, false}, {map[string]int{}, false}, {map[string]int{"upload": 1}, true}} {
		if got := (&realmport.Summary{Missing: tt.missing}).Partial(); got != tt.want {
			t.Errorf("missing %v: got %v, want %v", tt.missing, got, tt.want)
		}
	}
}

func TestZeroMeter(t *testing.T) {
	t.Parallel()
	var m realmport.Meter
	if got := m.Progress(); got != (realmport.Progress{}) {
		t.Errorf("got %+v, want nothing done, and no division by zero", got)
	}
	m.Messages.Add(1) // before anybody knows the total
	m.SetPhase("messages")
	if got, want := m.Progress(), (realmport.Progress{Phase: "messages", Messages: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestMeterProperties checks that with known totals progress begins at 0, only grows, whatever is done
// first, and ends at 1.
func TestMeterProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var m realmport.Meter
		total := func(name string, most int64) int64 { return rapid.Int64Range(0, most).Draw(t, name) }
		messages, files, bytes := total("messages", 1e9), total("files", 1e7), total("bytes", 1e13)
		m.MessagesTotal.Store(messages)
		m.FilesTotal.Store(files)
		m.FileBytesTotal.Store(bytes)
		before := m.Progress().Done
		if before != 0 {
			t.Fatalf("at first: got %v, want 0", before)
		}
		// Each part in two steps, in any order.
		for _, part := range rapid.Permutation([]int{0, 0, 1, 1, 2, 2}).Draw(t, "order") {
			switch part {
			case 0:
				m.Messages.Add(max(messages/2, messages-m.Messages.Load()-messages/2))
			case 1:
				m.Files.Add(max(files/2, files-m.Files.Load()-files/2))
			default:
				m.FileBytes.Add(max(bytes/2, bytes-m.FileBytes.Load()-bytes/2))
			}
			now := m.Progress().Done
			if now < before || now > 1 {
				t.Fatalf("got %v after %v, want it to grow up to 1", now, before)
			}
			before = now
		}
		if messages+files+bytes > 0 && before != 1 {
			t.Fatalf("at the end: got %v, want 1", before)
		}
		// The files were larger than the database says, for example.
		m.FileBytes.Add(1 << 40)
		if got := m.Progress().Done; got > 1 {
			t.Fatalf("more than all: got %v, want at most 1", got)
		}
	})
}
