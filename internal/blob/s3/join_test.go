package s3_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/blobtest"
	"github.com/realmport/realmport/internal/fault"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

// TestJoinAnySizes joins pieces of sizes drawn at random around those that matter.
func TestJoinAnySizes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			var pieces []blobtest.Piece
			for i := range 1 + r.Uint64N(9) {
				size := []int{r.IntN(12), r.IntN(1 << 20), partSize - 2 + r.IntN(5), partSize + r.IntN(partSize), 2*partSize - 2 + r.IntN(5)}[r.IntN(5)]
				pieces = append(pieces, blobtest.Piece{Bytes: blobtest.Bytes(seed<<8+i, size), Stored: r.IntN(3) > 0})
			}
			place := stock(t)
			blobtest.Holds(t, place, "joined", blobtest.Join(t, place, "joined", pieces))
		})
	}
}

// TestJoinMovesNothing counts what passes the client's sockets while large archives are joined.
func TestJoinMovesNothing(t *testing.T) {
	t.Parallel()
	const pieces, size = 3, 16 << 20
	for name, header := range map[string]int{"pieces only": 0, "with a header": 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, through, direct, bucket := spoilt(t)
			for i := range pieces {
				s3test.Put(t, direct, bucket, s3test.Object{Key: fmt.Sprint(i), Body: blobtest.Bytes(uint64(i), size)})
			}
			out, err := s3.OpenStock(open(t, through), s3.StockConfig{Bucket: bucket}).CreateJoined(t.Context(), "joined")
			check(t, err)
			_, err = out.Write(make([]byte, header))
			check(t, err)
			for i := range pieces {
				check(t, out.Append(t.Context(), realmport.Piece{Name: fmt.Sprint(i), Size: size}))
			}
			check(t, out.Commit())
			limit := int64(64 << 10)
			if header > 0 {
				limit += partSize // the first part, which is filled up with the beginning of the first piece
			}
			if up, down := proxy.Bytes(); up > limit || down > limit {
				t.Errorf("got %d bytes sent and %d received to join %d, want %d at most", up, down, pieces*size, limit)
			}
			copies := proxy.Requests(func(r fault.Request) bool { return r.Header.Get("X-Amz-Copy-Source") != "" })
			for _, r := range copies {
				if r.Header.Get("X-Amz-Copy-Source-If-Match") == "" || r.Header.Get("X-Amz-Copy-Source-Range") == "" {
					t.Errorf("a copy has no condition or range: %v", r.Header)
				}
			}
			if len(copies) != pieces {
				t.Errorf("got %d copies, want %d", len(copies), pieces)
			}
			want := make([]byte, header)
			for i := range pieces {
				want = append(want, blobtest.Bytes(uint64(i), size)...)
			}
			blobtest.Holds(t, s3.OpenStock(open(t, direct), s3.StockConfig{Bucket: bucket}), "joined", want)
		})
	}
}

// TestPieceChangesWhileJoined replaces a piece between the look at it and its copy.
func TestPieceChangesWhileJoined(t *testing.T) {
	t.Parallel()
	proxy, through, direct, bucket := spoilt(t)
	s3test.Put(t, direct, bucket, s3test.Object{Key: "a", Body: blobtest.Bytes(1, partSize)})
	proxy.Spoil(1, kinds["copy"], func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		s3test.Put(t, direct, bucket, s3test.Object{Key: "a", Body: blobtest.Bytes(2, partSize)})
		next.ServeHTTP(w, r)
	})
	out, err := s3.OpenStock(open(t, through), s3.StockConfig{Bucket: bucket}).CreateJoined(t.Context(), "joined")
	check(t, err)
	err = out.Append(t.Context(), realmport.Piece{Name: "a", Size: partSize})
	if err == nil {
		err = out.Commit()
	}
	if err == nil {
		t.Error("got no error")
	}
	check(t, out.Abort())
}

// TestEncryption looks at what is asked of the storage; the one of the tests does not encrypt.
func TestEncryption(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ sse, key, header string }{
		"AES256": {"AES256", "", "AES256"}, "KMS": {"aws:kms", "key-1", "aws:kms"}, "none": {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, through, _, bucket := spoilt(t)
			through.SSE, through.SSEKMSKeyID = tt.sse, tt.key
			stock := s3.OpenStock(open(t, through), s3.StockConfig{Bucket: bucket, PartSize: partSize})
			blobtest.Store(t, stock, "small", []byte("x"))
			blobtest.Store(t, stock, "large", make([]byte, partSize+1))
			requests := proxy.Requests(func(r fault.Request) bool {
				return r.Method == http.MethodPut && len(r.Query) == 0 || r.Method == http.MethodPost && r.Query.Has("uploads")
			})
			if len(requests) != 2 {
				t.Fatalf("got %d requests that make objects, want 2", len(requests))
			}
			for _, r := range requests {
				if got := r.Header.Get("X-Amz-Server-Side-Encryption"); got != tt.header {
					t.Errorf("%s: got encryption %q, want %q", r.Method, got, tt.header)
				}
				if got := r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"); got != tt.key {
					t.Errorf("%s: got key %q, want %q", r.Method, got, tt.key)
				}
				if got := r.Header.Get("Content-Type"); got != "application/octet-stream" {
					t.Errorf("%s: got content type %q", r.Method, got)
				}
			}
		})
	}
}

// TestChecksumsAreSent makes sure that the storage has something to compare each part with, and tells when it does not fit.
func TestChecksumsAreSent(t *testing.T) {
	t.Parallel()
	proxy, through, _, bucket := spoilt(t)
	through.Patience = 1
	stock := s3.OpenStock(open(t, through), s3.StockConfig{Bucket: bucket, PartSize: partSize})
	blobtest.Store(t, stock, "small", []byte("x"))
	blobtest.Store(t, stock, "large", make([]byte, partSize+1))
	sent := proxy.Requests(func(r fault.Request) bool { return r.Header.Get("X-Amz-Checksum-Crc32c") != "" })
	if len(sent) != 4 { // the small one, two parts, and the whole
		t.Errorf("got %d requests with a checksum, want 4", len(sent))
	}
	proxy.Spoil(1, kinds["put"], func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("X-Amz-Checksum-Crc32c", "AAAAAA==")
		w.WriteHeader(http.StatusOK)
	})
	out, err := stock.Create(t.Context(), "other")
	check(t, err)
	_, err = out.Write([]byte("x"))
	check(t, err)
	if err := out.Commit(); err == nil {
		t.Error("a checksum that does not fit: got no error")
	}
	_ = out.Abort()
	// One that comes with the bytes is compared too.
	proxy.Spoil(1, kinds["get"], func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("X-Amz-Checksum-Crc32c", "AAAAAA==")
		w.Header().Set("Last-Modified", "Wed, 25 Nov 2026 22:56:40 GMT")
		_, _ = w.Write([]byte("x"))
	})
	f, err := s3.OpenFiles(open(t, through), s3.FilesConfig{Uploads: bucket}).Open(t.Context(), "files", "small")
	check(t, err)
	defer f.Close()
	b := make([]byte, 2)
	n, err := f.Read(b)
	if err == nil {
		_, err = f.Read(b)
	}
	if n != 1 || err == nil || err.Error() == "EOF" {
		t.Errorf("bytes that do not fit: got %d, %v, want an error", n, err)
	}
}
