package s3_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/s3"
)

// TestHostileObject reads an object whose headers are as odd as the protocol lets them be.
func TestHostileObject(t *testing.T) {
	t.Parallel()
	proxy, through, _, bucket := spoilt(t)
	proxy.Spoil(1, kinds["get"], func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		h := w.Header()
		h["Last-Modified"] = []string{"Wed, 25 Nov 2026 22:56:40 GMT"}
		h["Expires"] = []string{"never"}
		h["Content-Type"] = []string{"text/html; \xff"}
		h["Content-Encoding"] = []string{"gzip"} // of which nothing is unpacked
		h["Etag"] = []string{`"abc"`}
		h["X-Amz-Meta-Realm_id"] = []string{"2"}
		h["X-Amz-Meta-Latin"] = []string{"caf\xe9"}
		h["X-Amz-Meta-Utf8"] = []string{"café"}
		h["X-Amz-Meta-Two"] = []string{"a", "b"}
		h["X-Amz-Meta-"] = []string{"nameless"}
		h["X-Amz-Meta-X-Amz-Meta-Y"] = []string{"</script>"}
		_, _ = io.WriteString(w, "hello")
	})
	f, err := s3.OpenFiles(open(t, through), s3.FilesConfig{Uploads: bucket}).Open(t.Context(), realmport.Uploads, "a")
	check(t, err)
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil || string(b) != "hello" {
		t.Errorf("got %q, %v", b, err)
	}
	want := &realmport.Object{Bucket: bucket, ContentType: "text/html; ÿ", ETag: "abc", Metadata: map[string]string{
		"realm_id": "2", "latin": "café", "utf8": "café", "two": "a, b", "": "nameless", "x-amz-meta-y": "</script>",
	}}
	if diff := cmp.Diff(want, f.Object); diff != "" {
		t.Errorf("object (-want +got):\n%s", diff)
	}
}

// TestHostileList lists keys that no path can have.
func TestHostileList(t *testing.T) {
	t.Parallel()
	proxy, through, _, bucket := spoilt(t)
	keys := []string{"2/realm/", "2/realm/.", "2/realm/..", "2/realm/../x", "2/realm//", "2/realm//x", "2/realm/ok", "2/realm/%FF", "elsewhere", "2/realm/b&lt;c", "2/realm/a/"}
	proxy.Spoil(1, kinds["list"], func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = fmt.Fprintf(w, "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>")
		for _, key := range keys {
			_, _ = fmt.Fprintf(w, "<Contents><Key>%s</Key><Size>1</Size><LastModified>2026-11-25T22:56:40.000Z</LastModified></Contents>", key)
		}
		_, _ = fmt.Fprint(w, "<CommonPrefixes><Prefix>2/realm/folder/</Prefix></CommonPrefixes></ListBucketResult>")
	})
	var got []string
	check(t, s3.OpenFiles(open(t, through), s3.FilesConfig{Avatars: bucket}).List(t.Context(), realmport.Avatars, "2/realm", func(name string) error {
		got = append(got, name)
		return nil
	}))
	if diff := cmp.Diff([]string{"ok", "b<c"}, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// TestNonsense has the storage answer with what is no answer.
func TestNonsense(t *testing.T) {
	t.Parallel()
	proxy, through, _, bucket := spoilt(t)
	through.Patience = 1
	proxy.Always(nil, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = io.WriteString(w, strings.Repeat("<a>", 1000))
	})
	client := open(t, through)
	if err := client.Check(t.Context(), bucket); err == nil {
		t.Error("check: got no error")
	}
	if _, err := s3.OpenFiles(client, s3.FilesConfig{Uploads: bucket}).Open(t.Context(), realmport.Uploads, "a"); err == nil {
		t.Error("open: got no error")
	}
	stock := s3.OpenStock(client, s3.StockConfig{Bucket: bucket, PartSize: partSize})
	out, err := stock.Create(t.Context(), "x")
	check(t, err)
	if _, err = out.Write(make([]byte, partSize+1)); err == nil {
		err = out.Commit()
	}
	if err == nil {
		t.Error("commit: got no error")
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add("X-Amz-Meta-Realm_id", "2")
	f.Add("x-amz-meta-\xff", "\xfe")
	f.Add("X-AMZ-META-", "")
	f.Fuzz(func(t *testing.T, key, value string) {
		for k, v := range s3.Metadata(http.Header{key: {value}, "Other": {"x"}}) {
			if !utf8.ValidString(k) || !utf8.ValidString(v) || !strings.HasPrefix(strings.ToLower(key), "x-amz-meta-") {
				t.Errorf("got %q=%q of %q=%q", k, v, key, value)
			}
			if utf8.ValidString(value) && v != value {
				t.Errorf("got %q, want %q", v, value)
			}
		}
	})
}
