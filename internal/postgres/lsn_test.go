package postgres

import "testing"

func TestParseLSN(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]lsn{
		"0/0": 0, "16/B374D848": 0x16_B374D848, "0/00000028": 0x28, "FFFFFFFF/FFFFFFFF": 0xFFFFFFFF_FFFFFFFF, "A/B": 0xA_0000000B,
	} {
		if got, ok := parseLSN(text); !ok || got != want {
			t.Errorf("%q: got %v, %t, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", "/", "0", "0/", "/0", "0/0/0", "a/b", "0x1/1", "+1/1", "-1/1", "1_0/1", " 1/1", "1/1 ", "1/1\n", "123456789/1", "1/123456789", "1/G", "１/1",
	} {
		if got, ok := parseLSN(text); ok {
			t.Errorf("%q was taken for %v", text, got)
		}
	}
	if got := lsn(0x16_0374D848).String(); got != "16/374D848" {
		t.Errorf("got %s", got)
	}
}

// TestEndOfLog steps back over the headers of pages, and over nothing else.
func TestEndOfLog(t *testing.T) {
	t.Parallel()
	for at, want := range map[lsn]lsn{
		0x1000000 + 40: 0x1000000, 0x1002000 + 24: 0x1002000, 0x1002000 + 40: 0x1002000 + 40, 0x1002000: 0x1002000, 0x1002000 + 48: 0x1002000 + 48,
		0x1_0000_0028: 0x1_0000_0000,
	} {
		if got := at.end(8192, 16<<20); got != want {
			t.Errorf("%v: got %v, want %v", at, got, want)
		}
	}
}

func FuzzParseLSN(f *testing.F) {
	f.Add("16/B374D848")
	f.Add("0/00000028")
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := parseLSN(text)
		if !ok {
			return
		}
		if again, ok := parseLSN(n.String()); !ok || again != n {
			t.Errorf("%q: got %v, %t, want %v again", text, again, ok, n)
		}
	})
}
