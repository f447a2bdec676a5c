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
	if width > 0 {
		full := int(p.Done * barWidth)
		fmt.Fprintf(&b, "[%s%s] ", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full))
	}
	fmt.Fprintf(&b, "%3.0f%%  %s  %s rows/s  %s", p.Done*100, p.Phase, Count(int64(rate(p.Rows, elapsed))), Bytes(p.Bytes))
	if eta, ok := Remaining(p.Done, elapsed); ok {
		fmt.Fprintf(&b, "  ETA %s", eta.Round(time.Second))
	}
	line := b.String()
	if width > 0 && len(line) > width {
		line = line[:width]
	}
	return line
}

// Count writes a number with thousands apart: 1,234,567.
func Count(n int64) string {
	digits := fmt.Sprint(n)
	if n < 0 {
		return "-" + Count(-n)
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Bytes writes a size in the largest binary unit that leaves a number of at least one.
func Bytes(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n)/(1<<10), 0
	for size >= 1<<10 && unit < 4 {
		size /= 1 << 10
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", size, "KMGTP"[unit])
}

// Plural writes a count with its noun: 1 message, 2 messages.
func Plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}
