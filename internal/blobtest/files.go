// Package blobtest is what every place of files and every place of archives must pass, in the adapters' own tests.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
)

// FilesPlace is a place of files that a test may fill.
type FilesPlace struct {
	realmport.Files
	// Put stores a file.
	Put func(t *testing.T, area realmport.Area, name string, content []byte)
}

// oddNames are names that some layer below could take for something else.
var oddNames = []string{
	"a b.txt", "ä ö ü.png", "100%.txt", "a+b", "q?x=1&y=2", "#1", "it's \"quoted\"", "back\\slash", "*", "..x", ".hidden", "x..", "%2e%2e", "~", "a:b", "漢字", "🦊",
}

// TestFiles tests a place that setup makes anew for each call.
func TestFiles(t *testing.T, setup func(t *testing.T) FilesPlace) {
	t.Helper()
	t.Run("open", func(t *testing.T) { t.Parallel(); testOpen(t, setup(t)) })
	t.Run("names that leave", func(t *testing.T) { t.Parallel(); testBadNames(t, setup(t)) })
	t.Run("list", func(t *testing.T) { t.Parallel(); testList(t, setup(t)) })
	t.Run("odd names", func(t *testing.T) { t.Parallel(); testOddNames(t, setup(t)) })
	t.Run("at the same time", func(t *testing.T) { t.Parallel(); testTogether(t, setup(t)) })
	t.Run("cancelled", func(t *testing.T) { t.Parallel(); testCancelled(t, setup(t)) })
}

// Bytes returns n bytes that look like chance and are the same for the same seed.
func Bytes(seed uint64, n int) []byte {
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)})
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		t.Errorf("%s: got %d bytes, want %d; they differ from byte %d on", what, len(got), len(want), at)
	}
}

func read(t *testing.T, files realmport.Files, area realmport.Area, name string) []byte {
	t.Helper()
	f, err := files.Open(t.Context(), area, name)
	if err != nil {
		t.Errorf("open %q: %v", name, err)
		return nil
	}
	defer f.Close()
	got, err := io.ReadAll(f)
	if err != nil || f.Size != int64(len(got)) || f.Modified.IsZero() {
		t.Errorf("read %q: got %d bytes of %d, error %v, modified %v", name, len(got), f.Size, err, f.Modified)
	}
	if (f.Object != nil) != files.Traits().Objects {
		t.Errorf("%q: got object %v, want one: %v", name, f.Object, files.Traits().Objects)
	}
	if n, err := f.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read %q after its end: got %d, %v, want EOF", name, n, err)
	}
	return got
}

func testOpen(t *testing.T, place FilesPlace) {
	large := Bytes(1, 3<<20+7)
	place.Put(t, realmport.Uploads, "2/ab/a.txt", []byte("hello"))
	place.Put(t, realmport.Uploads, "empty", nil)
	place.Put(t, realmport.Uploads, "large", large)
	place.Put(t, realmport.Avatars, "2/x.png", []byte("png"))
	same(t, "file", read(t, place, realmport.Uploads, "2/ab/a.txt"), []byte("hello"))
	same(t, "empty file", read(t, place, realmport.Uploads, "empty"), nil)
	same(t, "large file", read(t, place, realmport.Uploads, "large"), large)
	same(t, "other area", read(t, place, realmport.Avatars, "2/x.png"), []byte("png"))
	for _, name := range []string{"2/none", "3/ab/none", "2/ab/a", "2/ab/a.txt2", "2/x.png"} {
		if f, err := place.Open(t.Context(), realmport.Uploads, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open %q: got %v, %v, want that there is none", name, f, err)
		}
	}
	// Who gives up before the end does no harm.
	f, err := place.Open(t.Context(), realmport.Uploads, "large")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(f, make([]byte, 10)); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func testBadNames(t *testing.T, place FilesPlace) {
	place.Put(t, realmport.Uploads, "2/a", []byte("a"))
	place.Put(t, realmport.Avatars, "2/x.png", []byte("png"))
	for _, name := range []string{"", "../avatars/2/x.png", "2/../2/a", "/2/a", "2/a/", "2//a", "./2/a", "../../../etc/passwd", "/etc/passwd"} {
		if _, err := place.Open(t.Context(), realmport.Uploads, name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("open %q: got error %v, want one about the name", name, err)
		}
	}
	for _, folder := range []string{"../files", "../..", "/etc", "2/", "2/../2", "//"} {
		err := place.List(t.Context(), realmport.Avatars, folder, func(name string) error { return errors.New("got " + name) })
		if !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("list %q: got error %v, want one about the name", folder, err)
		}
	}
}

// list lists a folder in the order of names.
func list(t *testing.T, files realmport.Files, folder string) []string {
	t.Helper()
	var got []string
	err := files.List(t.Context(), realmport.Avatars, folder, func(name string) error {
		got = append(got, name)
		return nil
	})
	if err != nil {
		t.Errorf("list %q: %v", folder, err)
	}
	slices.Sort(got)
	return got
}

func testList(t *testing.T, place FilesPlace) {
	var many []string
	for i := range 1100 { // more than a page of S3
		many = append(many, fmt.Sprintf("%04d", i))
		place.Put(t, realmport.Avatars, "many/"+many[i], nil)
	}
	for _, name := range []string{"top", "2/x.png", "2/realm/icon.png", "2/realm/deeper/y", "20/z", "2.x"} {
		place.Put(t, realmport.Avatars, name, []byte(name))
	}
	place.Put(t, realmport.Uploads, "2/other", nil)
	for folder, want := range map[string][]string{
		"2": {"x.png"}, "2/realm": {"icon.png"}, "many": many, "": {"2.x", "top"}, ".": {"2.x", "top"}, "7/realm": nil, "2/real": nil, "3": nil,
	} {
		if diff := cmp.Diff(want, list(t, place, folder)); diff != "" {
			t.Errorf("names in %q (-want +got):\n%s", folder, diff)
		}
	}
	enough := errors.New("enough")
	n := 0
	err := place.List(t.Context(), realmport.Avatars, "many", func(string) error { n++; return enough })
	if err != enough || n != 1 { //nolint:errorlint // as it is
		t.Errorf("got error %v after %d names, want %v after 1", err, n, enough)
	}
}

func testOddNames(t *testing.T, place FilesPlace) {
	var want []string
	for _, name := range oddNames {
		place.Put(t, realmport.Avatars, "odd/"+name, []byte(name))
		want = append(want, name)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, list(t, place, "odd")); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for _, name := range oddNames {
		same(t, name, read(t, place, realmport.Avatars, "odd/"+name), []byte(name))
	}
}

func testTogether(t *testing.T, place FilesPlace) {
	const n = 40
	for i := range n {
		place.Put(t, realmport.Uploads, fmt.Sprint("f", i), Bytes(uint64(i), 1000*i))
	}
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			name := fmt.Sprint("f", i)
			same(t, name, read(t, place, realmport.Uploads, name), Bytes(uint64(i), 1000*i))
		})
	}
	wait.Wait()
}

// testCancelled opens with a context that has ended. A place that does not look at it may open the file all the same.
func testCancelled(t *testing.T, place FilesPlace) {
	place.Put(t, realmport.Uploads, "f", []byte("f"))
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	f, err := place.Open(ctx, realmport.Uploads, "f")
	if err == nil {
		f.Close()
	} else if !errors.Is(err, gone) {
		t.Errorf("got error %v, want %v", err, gone)
	}
}
