package picture

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"image/png"
	"net/http"
	"strings"
	"testing"
)

func TestPicturesAreWhatTheySay(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]func() ([]byte, int, int){
		"avatar":     func() ([]byte, int, int) { return Avatar(7, 100), 100, 100 },
		"landscape":  func() ([]byte, int, int) { return Landscape(7, 320, 200), 320, 200 },
		"icon":       func() ([]byte, int, int) { return Icon(50), 50, 50 },
		"hedgehog":   func() ([]byte, int, int) { return Emoji("hedgehog", 64), 64, 64 },
		"blackberry": func() ([]byte, int, int) { return Emoji("blackberry", 64), 64, 64 },
		"signpost":   func() ([]byte, int, int) { return Emoji("signpost", 64), 64, 64 },
		"sprout":     func() ([]byte, int, int) { return Emoji("", 64), 64, 64 },
	} {
		content, width, height := made()
		again, _, _ := made()
		img, err := png.Decode(bytes.NewReader(content))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if b := img.Bounds(); b.Dx() != width || b.Dy() != height || !bytes.Equal(content, again) {
			t.Errorf("%s: %v, want %d x %d, the same each time", name, b, width, height)
		}
		colours := map[any]bool{}
		for y := range height {
			for x := range width {
				colours[img.At(x, y)] = true
			}
		}
		if len(colours) < 2 {
			t.Errorf("%s is blank", name)
		}
	}
	if bytes.Equal(Avatar(1, 50), Avatar(2, 50)) || bytes.Equal(Landscape(1, 50, 50), Landscape(2, 50, 50)) {
		t.Error("other seeds make the same pictures")
	}
}

func TestFilesAreWhatTheySay(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a.png": "image/png", "a.PDF": "application/pdf", "a.csv": "text/csv", "a <&>.gpx": "application/gpx+xml", "a.md": "text/markdown", "SUMS": "text/plain",
	} {
		content, kind := File(name, 5)
		again, _ := File(name, 5)
		if kind != want || len(content) < 40 || !bytes.Equal(content, again) {
			t.Errorf("%s: %s of %d bytes, want %s, the same each time", name, kind, len(content), want)
		}
		if found := http.DetectContentType(content); strings.HasPrefix(want, "image/") && found != want {
			t.Errorf("%s looks like %s", name, found)
		}
	}
	content, _ := File("a.csv", 5)
	if rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll(); err != nil || len(rows) < 10 {
		t.Errorf("csv: %d rows, %v", len(rows), err)
	}
	content, _ = File("<&>.gpx", 5)
	var track struct {
		Points []struct {
			Lat float64 `xml:"lat,attr"`
		} `xml:"trk>trkseg>trkpt"`
	}
	if err := xml.Unmarshal(content, &track); err != nil || len(track.Points) != 40 || track.Points[0].Lat < 40 {
		t.Errorf("gpx: %v, %+v", err, track)
	}
	content, _ = File("(a).pdf", 5)
	if at := bytes.Index(content, []byte("startxref\n")); at < 0 || !bytes.HasPrefix(content, []byte("%PDF-1.4\n")) {
		t.Errorf("pdf: %q", content)
	}
}
