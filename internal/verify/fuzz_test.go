package verify

import (
	"archive/tar"
	"bytes"
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
)

// maxFuzzed keeps what a short input unpacks to within seconds.
const maxFuzzed = 64 << 10

// mustHold checks what holds for every archive.
func mustHold(t *testing.T, data []byte) {
	const limit = 5
	report, err := Verify(context.Background(), bytes.NewReader(data), int64(len(data)), Options{Limit: limit})
	if (report == nil) == (err == nil) {
		t.Fatalf("got report %v and error %v", report, err)
	}
	if err != nil {
		return
	}
	if int64(len(report.Problems)) != min(report.ProblemCount, limit) {
		t.Errorf("got %d problems of %d, limit %d", len(report.Problems), report.ProblemCount, limit)
	}
	for _, p := range report.Problems {
		line := p.String()
		if !utf8.ValidString(line) || len(line) > 1500 || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("the problem is not fit for a terminal: %q", line)
		}
	}
}

func FuzzVerify(f *testing.F) {
	whole := minimal().tarball(f)
	data := zipped(f, whole)
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add(append(bytes.Clone(data), data...))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) <= maxFuzzed {
			mustHold(t, data)
		}
	})
}

// FuzzVerifyTar starts behind the gzip, whose checksum keeps a fuzzer out.
func FuzzVerifyTar(f *testing.F) {
	whole := minimal().tarball(f)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) <= maxFuzzed {
			mustHold(t, zipped(t, data))
		}
	})
}

// FuzzVerifyMembers replaces the name, kind and content of one member of a valid archive.
func FuzzVerifyMembers(f *testing.F) {
	members := minimal().members(f)
	for i, m := range members {
		f.Add(uint8(i), m.header.Name, m.header.Typeflag, []byte(m.body))
	}
	f.Add(uint8(3), "../x", byte(tar.TypeSymlink), []byte(`{"zerver_attachment": [{"id": 1}]}`))
	f.Add(uint8(4), "demo/messages-000003.json", byte(tar.TypeReg), []byte(`{"zerver_message":[{"id":1e9}],"zerver_usermessage":[{"message":-1}]}`))
	f.Fuzz(func(t *testing.T, index uint8, name string, kind byte, body []byte) {
		if len(body) > maxFuzzed || len(name) > maxFuzzed {
			return
		}
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
		if err != nil {
			t.Fatal(err)
		}
		w := tar.NewWriter(z)
		for i, m := range members {
			if i == int(index)%len(members) {
				m.header.Name, m.header.Typeflag, m.header.Size, m.body = name, kind, int64(len(body)), string(body)
				if kind != tar.TypeReg {
					m.header.Size, m.body = 0, ""
				}
			}
			if w.WriteHeader(&m.header) != nil {
				return // the writer does not make such a header
			}
			if _, err := w.Write([]byte(m.body)); err != nil {
				t.Fatal(err)
			}
		}
		if w.Close() != nil || z.Close() != nil {
			t.Fatal("close")
		}
		mustHold(t, b.Bytes())
	})
}
