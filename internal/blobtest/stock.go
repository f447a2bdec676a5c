package blobtest

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
)

// StockPlace is a place that joins archives.
type StockPlace struct {
	realmport.Stock
	Left  func(t *testing.T) []string
	Large int
}

// TestStock tests a place that setup makes anew for each call. That it is a place of archives, TestArchives tests.
func TestStock(t *testing.T, setup func(t *testing.T) StockPlace) {
	t.Helper()
	t.Run("join", func(t *testing.T) { t.Parallel(); testJoin(t, setup(t)) })
	t.Run("join what is not as told", func(t *testing.T) { t.Parallel(); testJoinWrong(t, setup(t)) })
	t.Run("sweep", func(t *testing.T) { t.Parallel(); testSweep(t, setup(t)) })
	t.Run("sweep uploads", func(t *testing.T) { t.Parallel(); testSweepUploads(t, setup(t)) })
	t.Run("link", func(t *testing.T) { t.Parallel(); testLink(t, setup(t)) })
}

// Piece is what a joined archive is made of: bytes that are written, or those of a stored archive.
type Piece struct {
	Bytes  []byte
	Stored bool
}

// Join makes an archive of pieces, storing those that are to be stored first, and returns all their bytes.
func Join(t *testing.T, stock realmport.Stock, name string, pieces []Piece) []byte {
	t.Helper()
	var want []byte
	for i, p := range pieces {
		want = append(want, p.Bytes...)
		if p.Stored {
			Store(t, stock, pieceName(i), p.Bytes)
		}
	}
	out, err := stock.CreateJoined(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range pieces {
		if p.Stored {
			err = out.Append(t.Context(), realmport.Piece{Name: pieceName(i), Size: int64(len(p.Bytes))})
		} else {
			_, err = out.Write(p.Bytes)
		}
		if err != nil {
			t.Fatalf("piece %d of %d bytes: %v", i, len(p.Bytes), err)
		}
	}
	isAbsent(t, stock, name)
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	return want
}

func pieceName(i int) string { return "pieces/" + string(rune('a'+i)) }

func testJoin(t *testing.T, place StockPlace) {
	large := place.Large
	for name, pieces := range map[string][]Piece{
		"nothing":                 nil,
		"written only":            {{Bytes(1, 10), false}},
		"small":                   {{Bytes(1, 10), true}},
		"empty":                   {{nil, true}},
		"large":                   {{Bytes(1, large), true}},
		"header, larges, trailer": {{Bytes(1, 10), false}, {Bytes(2, 3*large), true}, {Bytes(3, 2*large+1), true}, {Bytes(4, 8), false}},
		"smalls between larges":   {{Bytes(1, 2*large), true}, {Bytes(2, 5), true}, {Bytes(3, 7), false}, {Bytes(4, 2*large), true}, {nil, true}},
	} {
		got := Join(t, place, "joined/"+name, pieces)
		Holds(t, place, "joined/"+name, got)
		if t.Failed() {
			t.Fatalf("%s: as above", name)
		}
	}
}

func testJoinWrong(t *testing.T, place StockPlace) {
	Store(t, place, "small", Bytes(1, 100))
	Store(t, place, "large", Bytes(1, 2*place.Large))
	for _, tt := range []struct {
		name    string
		size    int64
		missing bool
	}{{"small", 99, false}, {"small", 101, false}, {"large", int64(2*place.Large - 1), false}, {"large", int64(2*place.Large + 1), false}, {"none", 5, true}, {"none", int64(place.Large), true}, {"../x", 5, false}, {"small", -1, false}} {
		for _, before := range []int{0, 10} {
			out, err := place.CreateJoined(t.Context(), "joined/x")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := out.Write(Bytes(1, before)); err != nil {
				t.Fatal(err)
			}
			err = out.Append(t.Context(), realmport.Piece{Name: tt.name, Size: tt.size})
			if err == nil {
				err = out.Commit() // which waits for what is being joined
			}
			if err == nil || errors.Is(err, fs.ErrNotExist) != tt.missing {
				t.Errorf("%q of %d bytes after %d others: got error %v", tt.name, tt.size, before, err)
			}
			if err := out.Abort(); err != nil {
				t.Error(err)
			}
			isAbsent(t, place, "joined/x")
		}
	}
	if left := place.Left(t); len(left) != 2 {
		t.Errorf("got %q left, want two archives", left)
	}
}

func testSweep(t *testing.T, place StockPlace) {
	for _, name := range []string{"parts/1/a", "parts/1/b/c", "parts/2/a", "parts/10/a"} {
		Store(t, place, name, []byte("x"))
	}
	unfinished := begin(t, place, "parts/1/d", Bytes(1, 2*place.Large+1))
	sweep := func(folder string, want int) {
		t.Helper()
		if n, err := place.Sweep(t.Context(), folder, 0); n != want || err != nil { // also what was only just made
			t.Errorf("sweep %q: got %d, %v, want %d", folder, n, err, want)
		}
	}
	if n, err := place.Sweep(t.Context(), "parts/1", age); n != 0 || err != nil {
		t.Errorf("sweep what is old: got %d, %v, want nothing", n, err)
	}
	sweep("parts/1", 3)
	isAbsent(t, place, "parts/1/a")
	if err := unfinished.Commit(); err == nil {
		t.Error("commit of what was swept: got no error")
	}
	_ = unfinished.Abort() // waits for what was on its way when it was swept, which could leave something
	sweep("parts/1", 0)
	sweep("none", 0)
	Holds(t, place, "parts/2/a", []byte("x"))
	sweep("parts", 2)
	if left := place.Left(t); len(left) > 0 {
		t.Errorf("got %q left, want nothing", left)
	}
	for _, folder := range []string{"", ".", "..", "/", "a/../.."} {
		if _, err := place.Sweep(t.Context(), folder, age); err == nil {
			t.Errorf("sweep %q: got no error", folder)
		}
	}
}

// testSweepUploads sweeps a place where others leave something too.
func testSweepUploads(t *testing.T, place StockPlace) {
	ours := func(name string) bool { return strings.Contains(name, "zulip-export-") }
	Store(t, place, "exports/zulip-export-a", []byte("a"))
	unfinished := map[string]realmport.Output{}
	for _, name := range []string{"exports/zulip-export-a", "zulip-export-b", "2/video", "0/zulip-export-c"} {
		unfinished[name] = begin(t, place, name, Bytes(1, 2*place.Large+1))
	}
	sweep := func(age time.Duration, want int) {
		t.Helper()
		if n, err := place.SweepUploads(t.Context(), ours, age); n != want || err != nil {
			t.Errorf("sweep uploads: got %d, %v, want %d", n, err, want)
		}
	}
	sweep(age, 0)
	sweep(0, 3)
	for name, out := range unfinished {
		if ours(name) {
			if err := out.Commit(); err == nil {
				t.Errorf("commit %q, which was swept: got no error", name)
			}
			_ = out.Abort() // waits for what was on its way
		} else if err := out.Commit(); err != nil {
			t.Errorf("commit %q: %v", name, err)
		}
	}
	sweep(0, 0)
	Holds(t, place, "exports/zulip-export-a", []byte("a"))
	Holds(t, place, "2/video", Bytes(1, 2*place.Large+1))
	if left := place.Left(t); len(left) != 2 {
		t.Errorf("got %q left, want two archives", left)
	}
}

// testLink fetches an archive as anybody would.
func testLink(t *testing.T, place StockPlace) {
	content := Bytes(1, 100_000)
	Store(t, place, "links/a b+c%ä.tar.gz", content)
	link, err := place.Link(t.Context(), "links/a b+c%ä.tar.gz", age)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("got status %d, %v", resp.StatusCode, err)
	}
	same(t, "what the link gives", got, content)
	if _, err := place.Link(t.Context(), "../x", age); err == nil {
		t.Error("link that leaves: got no error")
	}
}
