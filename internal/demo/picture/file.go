package picture

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// File makes the content of an uploaded file by its name's ending, and says what kind it is: pictures, PDF documents, tables, GPX
// tracks, and texts for all the rest.
func File(name string, seed uint64) (content []byte, kind string) {
	title := strings.TrimSuffix(path.Base(name), path.Ext(name))
	switch strings.ToLower(path.Ext(name)) {
	case ".png":
		return Landscape(seed, 320, 200), "image/png"
	case ".pdf":
		return document(title), "application/pdf"
	case ".csv":
		return table(seed), "text/csv"
	case ".gpx":
		return track(title, seed), "application/gpx+xml"
	case ".md":
		return []byte("# " + title + "\n\n" + notes(seed)), "text/markdown"
	default:
		return []byte(title + "\n\n" + notes(seed)), "text/plain"
	}
}

// notes are lines that could be somebody's.
func notes(seed uint64) string {
	lines := []string{
		"What we agreed on, and what is still open.", "Checked twice, once of it awake.", "To be read from the end.",
		"Numbers are rounded to what one can believe.", "Changes since the last version are marked.", "See the second part for the exceptions.",
		"Nobody disagreed, so it stays.", "Ask the one who wrote it before you print it.", "Valid until further notice.",
	}
	var b strings.Builder
	for i := range 3 + scramble(seed)%5 {
		fmt.Fprintf(&b, "- %s\n", lines[scramble(seed+i)%uint64(len(lines))])
	}
	return b.String()
}

// table is a list of places with measurements.
func table(seed uint64) []byte {
	var b bytes.Buffer
	b.WriteString("id,kind,length_m,checked\n")
	for i := range 12 + scramble(seed)%20 {
		h := scramble(seed + i + 1)
		fmt.Fprintf(&b, "%d,%s,%d.%d,%t\n", 1000+h%9000, []string{"hedge", "stile", "gate", "path", "ford"}[h>>16%5], h>>24%900, h>>40%10, h>>48%3 > 0)
	}
	return b.Bytes()
}

// track is a short walk.
func track(title string, seed uint64) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gpx version=\"1.1\" creator=\"Hedgerow\" xmlns=\"http://www.topografix.com/GPX/1/1\">\n"+
		"  <trk><name>%s</name><trkseg>\n", strings.Map(nameLetter, title))
	lat, lon := 47_000_000+int(scramble(seed)%8_000_000), 6_000_000+int(scramble(seed+1)%9_000_000) // millionths of a degree
	for i := range uint64(40) {
		h := scramble(seed + 2 + i)
		lat, lon = lat+40+int(h%120), lon+int(h>>16%200)-60
		fmt.Fprintf(&b, "    <trkpt lat=\"%d.%06d\" lon=\"%d.%06d\"><ele>%d</ele></trkpt>\n", lat/1e6, lat%1e6, lon/1e6, lon%1e6, 300+h>>32%40)
	}
	b.WriteString("  </trkseg></trk>\n</gpx>\n")
	return b.Bytes()
}

// nameLetter drops what has a meaning in XML and PDF.
func nameLetter(c rune) rune {
	if strings.ContainsRune(`<>&"'()\`, c) || c < ' ' || c > '~' {
		return -1
	}
	return c
}

// document is a PDF with one page that shows its title.
func document(title string) []byte {
	page := fmt.Sprintf("BT /F1 28 Tf 72 720 Td (%s) Tj ET", strings.Map(nameLetter, title))
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(page), page),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	index := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, at := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, index)
	return b.Bytes()
}
