package progress

import (
	"fmt"
	"strings"
	"time"

	"github.com/realmport/realmport"
)

// barWidth is the bar's length between its brackets.
const barWidth = 20

// Line is one line of progress, at most width columns of it; 0 means no limit, and then no bar either.
func Line(p realmport.Progress, elapsed time.Duration, width int) string {
	var b strings.Builder
	done := min(max(p.Done, 0), 1)
	if width > 0 {
		full := int(done * barWidth)
		fmt.Fprintf(&b, "[%s%s] ", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full))
	}
	// Rounded down: 100% is the end.
	fmt.Fprintf(&b, "%3d%%  %s", int(done*100), p.Phase)
	if p.Rows > 0 {
		fmt.Fprintf(&b, "  %s rows/s", Count(int64(rate(p.Rows, elapsed))))
	}
	fmt.Fprintf(&b, "  %s", Bytes(p.Bytes))
	if eta, ok := Remaining(p.Done, elapsed); ok {
		fmt.Fprintf(&b, "  ETA %s", eta.Round(time.Second))
	}
	if width > 0 {
		return cut(b.String(), width)
	}
	return b.String()
}

// cut returns the beginning of a line that takes at most width columns.
func cut(line string, width int) string {
	for i, r := range line {
		if width -= columns(r); width < 0 {
			return line[:i]
		}
	}
	return line
}

// columns is at least what a terminal takes for a character: whatever may be wide counts as two.
func columns(r rune) int {
	const firstWide = 0x1100 // Hangul Jamo; all wide characters come after it
	if r >= firstWide {
		return 2
	}
	return 1
}

// Count writes a number with thousands apart: 1,234,567.
func Count(n int64) string {
	digits, sign := strings.CutPrefix(fmt.Sprint(n), "-")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if sign {
		return "-" + digits
	}
	return digits
}

// Bytes writes a size in the largest binary unit that leaves a number of at least one.
func Bytes(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	const units = "KMGTPE"
	const rounds = 1<<10 - 0.05 // to 1024.0
	size, unit := float64(n)/(1<<10), 0
	for size >= rounds && unit < len(units)-1 {
		size /= 1 << 10
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", size, units[unit])
}

// Plural writes a count with its noun: 1 message, 2 messages.
func Plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}
