package pace_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/clock"
	"github.com/realmport/realmport/internal/pace"
)

// plain is a source whose rows are always the same.
type plain struct {
	rows  int
	row   realmport.Row
	each  time.Duration // how long each row takes
	reads *int
}

func (p plain) Snapshot(context.Context) (realmport.Snapshot, error) { return p, nil }
func (p plain) Schema(context.Context) (*realmport.Schema, error)    { return &realmport.Schema{}, nil }
func (p plain) Close() error                                         { return nil }
func (p plain) Read(ctx context.Context, _ realmport.Query, fn func(realmport.Row) error) error {
	if p.reads != nil {
		*p.reads++
	}
	for range p.rows {
		if p.each > 0 {
			select {
			case <-time.After(p.each):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := fn(p.row); err != nil {
			return err
		}
	}
	return nil
}

// sharing is a source that can be joined.
type sharing struct{ plain }

func (s sharing) Snapshot(context.Context) (realmport.Snapshot, error) {
	return sharedOne{s.plain, "first"}, nil
}

func (s sharing) Join(_ context.Context, token string) (realmport.Snapshot, error) {
	if token == "" {
		return nil, realmport.Errorf(realmport.NotFound, "ended")
	}
	return sharedOne{s.plain, token}, nil
}

type sharedOne struct {
	plain
	token string
}

func (s sharedOne) Token() string      { return s.token }
func (s sharedOne) Age() time.Duration { return 50 * time.Minute }

var ten = realmport.Row{[]byte("01234"), nil, []byte("56789")}

func snapshotOf(t *testing.T, src realmport.Source) realmport.Snapshot {
	t.Helper()
	snap, err := src.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func read(ctx context.Context, snap realmport.Snapshot) (rows int, err error) {
	err = snap.Read(ctx, realmport.Query{}, func(realmport.Row) error { rows++; return nil })
	return rows, err
}

func TestSourceWithoutLimits(t *testing.T) {
	t.Parallel()
	src := &sharing{plain{rows: 1}}
	for _, p := range []*pace.Pacer{nil, {}, {Now: clock.Now}, {Limiter: pace.NewLimiter(0, 0, clock.Now), Gate: pace.NewGate(nil, 0, clock.Now, nil)}} {
		if got := pace.Source(src, p); got != realmport.Source(src) {
			t.Errorf("%+v: got %T, want the source itself", p, got)
		}
	}
}

func TestSourceKeepsWhatItCan(t *testing.T) {
	t.Parallel()
	p := &pace.Pacer{MaxAge: time.Hour, Now: clock.Now}
	src := pace.Source(plain{rows: 1}, p)
	if _, ok := src.(realmport.Joiner); ok {
		t.Error("a source that cannot be joined became one that can")
	}
	if _, ok := snapshotOf(t, src).(realmport.Shared); ok {
		t.Error("a snapshot that cannot be shared became one that can")
	}
	src = pace.Source(sharing{plain{rows: 1}}, p)
	if got := snapshotOf(t, src).(realmport.Shared).Token(); got != "first" {
		t.Errorf("got token %q, want %q", got, "first")
	}
	snap, err := src.(realmport.Joiner).Join(t.Context(), "second")
	if err != nil {
		t.Fatal(err)
	}
	if got := snap.(realmport.Shared).Token(); got != "second" {
		t.Errorf("got token %q, want %q", got, "second")
	}
	if got := snap.(interface{ Age() time.Duration }).Age(); got != 50*time.Minute {
		t.Errorf("got age %v, want the snapshot's own", got)
	}
	if _, err := src.(realmport.Joiner).Join(t.Context(), ""); realmport.ErrorCode(err) != realmport.NotFound {
		t.Errorf("got %v, want the source's error", err)
	}
}

func TestReadIsHeldToTheRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			rows, bytes float64
			src         plain
			want        time.Duration
		}{
			{1000, 0, plain{rows: 10_000, row: ten}, 10 * time.Second},
			{0, 10_000, plain{rows: 10_000, row: ten}, 10 * time.Second},
			{0, 1 << 20, plain{rows: 10, row: realmport.Row{make([]byte, 1<<20)}}, 10 * time.Second}, // each a batch of its own
			{1, 0, plain{rows: 10, row: ten}, 10 * time.Second},                                      // all less than a batch
		} {
			snap := snapshotOf(t, pace.Source(tt.src, &pace.Pacer{Limiter: pace.NewLimiter(tt.rows, tt.bytes, clock.Now)}))
			begin := clock.Now()
			rows, err := read(t.Context(), snap)
			if err != nil || rows != tt.src.rows {
				t.Errorf("got %d rows, %v, want %d", rows, err, tt.src.rows)
			}
			if got := clock.Now().Sub(begin); got < tt.want-250*time.Millisecond || got > tt.want {
				t.Errorf("%v rows, %v bytes per second: got %v, want %v", tt.rows, tt.bytes, got, tt.want)
			}
		}
	})
}

func TestReadersErrorIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		snap := snapshotOf(t, pace.Source(plain{rows: 1000, row: ten}, &pace.Pacer{Limiter: pace.NewLimiter(1, 0, clock.Now)}))
		stop, rows := errors.New("enough"), 0
		err := snap.Read(t.Context(), realmport.Query{}, func(realmport.Row) error {
			if rows++; rows == 5 {
				return stop
			}
			return nil
		})
		if err != stop || rows != 5 { //nolint:errorlint // as it is
			t.Errorf("got %v after %d rows, want %v after 5", err, rows, stop)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(stop) })
		if rows, err := read(ctx, snap); !errors.Is(err, stop) || rows != 255 {
			t.Errorf("got %v after %d rows, want %v after 255", err, rows, stop)
		}
	})
}

// tooOld checks the error of a snapshot that was open for longer than an hour.
func tooOld(t *testing.T, name string, err error) {
	t.Helper()
	const want = "the snapshot was open for longer than 1h0m0s: raise limits.snapshot_age, ask for more workers, or export from a replica"
	if realmport.ErrorCode(err) != realmport.Unavailable || err.Error() != want {
		t.Errorf("%s: got %v, want %s", name, err, want)
	}
}

func TestSnapshotOfAnAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		begin := clock.Now()
		busy := &server{begin: begin}
		reads := 0
		src := plain{rows: 100, row: ten, each: 10 * time.Second, reads: &reads}
		p := &pace.Pacer{MaxAge: time.Hour, Now: clock.Now, Gate: pace.NewGate(busy.check, 5*time.Second, clock.Now, lines(&log))}
		snap := snapshotOf(t, pace.Source(src, p))
		for range 3 { // each takes 1000 seconds
			if rows, err := read(t.Context(), snap); err != nil || rows != 100 {
				t.Fatalf("got %d rows, %v, want 100", rows, err)
			}
		}
		if got := snap.(interface{ Age() time.Duration }).Age(); got < 3000*time.Second || got > 3001*time.Second {
			t.Errorf("got age %v, want 3000s", got)
		}
		rows, err := read(t.Context(), snap)
		tooOld(t, "in a read", err)
		if rows < 55 || rows > 60 {
			t.Errorf("got %d rows, want those of 600 seconds", rows)
		}
		_, err = read(t.Context(), snap)
		tooOld(t, "before a read", err)
		if reads != 4 {
			t.Errorf("got %d reads, want 4", reads)
		}
		// A reader that pauses is not forgotten.
		snap = snapshotOf(t, pace.Source(src, p))
		busy.set("busy", nil)
		<-time.After(time.Minute)
		_, err = read(t.Context(), snap)
		tooOld(t, "in a pause", err)
		if reads != 4 {
			t.Errorf("got %d reads, want 4", reads)
		}
		// Of a snapshot that another process took the age is known too.
		busy.set("", nil)
		<-time.After(time.Minute)
		joined := snapshotOf(t, pace.Source(sharing{src}, p))
		rows, err = read(t.Context(), joined)
		tooOld(t, "joined", err)
		if rows < 55 || rows > 60 {
			t.Errorf("joined: got %d rows, want those of 600 seconds", rows)
		}
	})
}

func TestGateInARead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &server{begin: clock.Now()}
		gate := pace.NewGate(s.check, 5*time.Second, clock.Now, lines(&log))
		snap := snapshotOf(t, pace.Source(plain{rows: 3000, row: ten, each: 10 * time.Millisecond}, &pace.Pacer{Gate: gate}))
		time.AfterFunc(10*time.Second, func() { s.set("busy", nil) })
		time.AfterFunc(100*time.Second, func() { s.set("", nil) })
		if rows, err := read(t.Context(), snap); err != nil || rows != 3000 {
			t.Errorf("got %d rows, %v, want 3000", rows, err)
		}
		// 30 seconds of rows, and a pause of 85 to 95.
		if got := clock.Now().Sub(s.begin); got < 110*time.Second || got > 130*time.Second {
			t.Errorf("got %v for the read, want about two minutes", got)
		}
	})
}

// BenchmarkRead compares the cost of a row of 10 bytes: of the source itself, behind a pacer without limits, and behind limits that are never met.
func BenchmarkRead(b *testing.B) {
	open := func(context.Context) (string, error) { return "", nil }
	for name, p := range map[string]*pace.Pacer{
		"bare":     nil,
		"no limit": {},
		"limits": {
			Limiter: pace.NewLimiter(1e12, 1e15, clock.Now), MaxAge: time.Hour, Now: clock.Now,
			Gate: pace.NewGate(open, 5*time.Second, clock.Now, nil),
		},
	} {
		b.Run(name, func(b *testing.B) {
			snap, err := pace.Source(plain{rows: b.N, row: ten}, p).Snapshot(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			if rows, err := read(b.Context(), snap); err != nil || rows != b.N {
				b.Errorf("got %d rows, %v, want %d", rows, err, b.N)
			}
		})
	}
}
