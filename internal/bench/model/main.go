// Command model says how exports go that are too large to measure: it simulates them from figures that make bench-scale measured, and prints the
// tables of docs/scale.md:
//
//	go run ./internal/bench/model
//
// Simulated are the making of an export's parts by many workers (export.go, making.go), and a week of a server with many organizations (queue.go). What
// the program itself sets, as the sizes of parts, is in measured.go beside the figures.
package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
)

func main() {
	if err := printTables(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "model:", err)
		os.Exit(1)
	}
}

// typical is an export of a large organization that has a server of its own.
func typical(messages, workers int) setup {
	return setup{
		messages: messages, density: 1, workers: workers, perHost: 4, source: 8, width: max(32, 2*workers), mostFile: mostFiles, mostPart: mostParts,
	}
}

// printTables writes all tables.
func printTables(w io.Writer) error {
	var b strings.Builder
	printExports(&b)
	printParts(&b)
	printFiles(&b)
	printQueue(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func printExports(w io.Writer) {
	fmt.Fprintf(w, "### One organization\n\nPostgreSQL has 8 processors; `parts.width` is 32, or twice the workers if that is more; no uploaded files.\n\n")
	fmt.Fprintf(w, "| messages | workers' processors | duration | snapshot open | parts | requests | archive | coordinator's memory | bound by |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, messages := range []int{1e6, 1e7, 1e8, 1e9} {
		for _, workers := range []int{1, 2, 4, 8, 16, 32, 64} {
			o := simulate(measured(), typical(messages, workers))
			fmt.Fprintf(w, "| %s | %d | %s | %s | %d | %s | %s | %.0f MiB | %s |\n", power(messages), workers, duration(o.seconds), duration(o.snapshot), o.parts,
				count(o.requests), volume(o.bytes), o.memory/(1<<20), o.bound)
		}
	}
}

// printParts shows why parts grow.
func printParts(w io.Writer) {
	fmt.Fprintf(w, "\n### The size of parts, at 10⁹ messages by 32 processors\n\n| parts | messages each | pieces of the upload (S3: at most 10,000) | bytes through the coordinator | its memory | a helper's, of 4 processors | duration |\n|---|---|---|---|---|---|---|\n")
	for _, most := range []int{0, 8000, 4000, 2000} {
		s := typical(1e9, 32)
		s.mostPart = most
		o := simulate(measured(), s)
		fmt.Fprintf(w, "| %d | %d | %d | %s | %.0f MiB | %.0f MiB | %s |\n", o.parts, s.partMessages(), o.uploadPieces, volume(o.moved), o.memory/(1<<20), o.helper/(1<<20), duration(o.seconds))
	}
}

// printFiles is about the uploaded files of one organization, small ones.
func printFiles(w io.Writer) {
	const bytes = 11 << 10
	fmt.Fprintf(w, "\n### Uploaded files, of 11 KiB each, from a bucket that takes 20 ms to answer\n\n| files | 1 process of 4 processors | 4 processes | 16 processes | bound by, at 16 |\n|---|---|---|---|---|\n")
	for _, objects := range []int{1e5, 1e6, 1e7} {
		fmt.Fprintf(w, "| %s |", power(objects))
		bound := ""
		for _, processes := range []int{1, 4, 16} {
			s := setup{workers: 4 * processes, perHost: 4, objects: objects, object: bytes}
			var t float64
			t, bound = filesTime(measured(), s)
			fmt.Fprintf(w, " %s |", duration(t))
		}
		fmt.Fprintf(w, " %s |\n", bound)
	}
}

func printQueue(w io.Writer) {
	const realms = 10_000
	fmt.Fprintf(w, "\n### A week of 10,000 organizations\n\nEach is exported once, and all ask within the same minute. Small ones are those with less than 100,000 messages.\n")
	list := host{realms: realms, within: 60}.requests(1)
	total, hugeRealms, most := 0, 0, 0
	for _, q := range list {
		total += q.messages
		most = max(most, q.messages)
		if q.huge() {
			hugeRealms++
		}
	}
	fmt.Fprintf(w, "Their sizes follow a Pareto distribution with exponent %.1f: %d of them are huge, the largest has %s messages, all together %s.\n\n", tail, hugeRealms, count(float64(most)), count(float64(total)))
	fmt.Fprintf(w, "| | processors | small: median wait | 99 %% | longest | huge: median until done | longest | all done |\n|---|---|---|---|---|---|---|---|\n")
	for _, cores := range []int{8, 32} {
		base := host{realms: realms, cores: cores, perHost: 4, within: 60, perRealm: 1, fair: true, shares: true, places: cores / 4 * 2}
		for _, c := range []struct {
			name   string
			change func(*host)
		}{
			{"each export by one process, 2 at once in each", func(h *host) { h.shares = false }},
			{"huge ones by all, 2 at once in each", func(*host) {}},
			{"the same, by `limits.exports` where the processes could do more", func(h *host) { h.pause = turnPause }},
			{"huge ones by all, 8 at once in each", func(h *host) { h.places = cores / 4 * 8 }},
		} {
			h := base
			c.change(&h)
			printWeek(w, c.name, h)
		}
	}
	fmt.Fprintf(w, "\n### Organizations that ask again and again\n\nTen of 1,000 organizations ask for 50 exports each before all others ask for one; 8 processors, 4 exports at once.\n\n")
	fmt.Fprintf(w, "| | others: median wait | 99 %% | longest |\n|---|---|---|---|\n")
	for _, c := range []struct {
		name     string
		fair     bool
		perRealm int
	}{{"in the order of asking", false, 0}, {"one of an organization at once", false, 1}, {"and the turn is that of who waited longest since the last one", true, 1}} {
		h := host{realms: 1000, cores: 8, perHost: 4, within: 60, places: 4, perRealm: c.perRealm, fair: c.fair, shares: true, greedy: 10, asks: 50}
		list := h.requests(1)
		h.run(measured(), list)
		waits := waitsOf(list, func(q *request) bool { return q.realm >= h.greedy && !q.huge() })
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", c.name, duration(at(waits, 0.5)), duration(at(waits, 0.99)), duration(at(waits, 1)))
	}
}

func printWeek(w io.Writer, name string, h host) {
	list := h.requests(1)
	h.run(measured(), list)
	small := waitsOf(list, func(q *request) bool { return !q.huge() })
	var huge []float64
	end := 0.0
	for _, q := range list {
		if q.huge() {
			huge = append(huge, q.ended-q.asked)
		}
		end = max(end, q.ended)
	}
	slices.Sort(huge)
	fmt.Fprintf(w, "| %s | %d | %s | %s | %s | %s | %s | %s |\n", name, h.cores, duration(at(small, 0.5)), duration(at(small, 0.99)), duration(at(small, 1)),
		duration(at(huge, 0.5)), duration(at(huge, 1)), duration(end))
}

// waitsOf returns how long the exports waited, in ascending order.
func waitsOf(list []*request, of func(*request) bool) []float64 {
	var waits []float64
	for _, q := range list {
		if of(q) {
			waits = append(waits, q.begun-q.asked)
		}
	}
	slices.Sort(waits)
	return waits
}

// at returns a quantile of sorted values.
func at(values []float64, q float64) float64 { return values[int(q*float64(len(values)-1))] }

func duration(seconds float64) string {
	switch {
	case seconds < 99.5:
		return fmt.Sprintf("%.0f s", seconds)
	case seconds < 99.5*60:
		return fmt.Sprintf("%.0f min", seconds/60)
	default:
		return fmt.Sprintf("%.1f h", seconds/3600)
	}
}

func power(n int) string {
	const digits = "⁰¹²³⁴⁵⁶⁷⁸⁹"
	return "10" + string([]rune(digits)[int(math.Round(math.Log10(float64(n))))])
}

func count(n float64) string {
	switch {
	case n < 1e4:
		return fmt.Sprintf("%.0f", n)
	case n < 1e6:
		return fmt.Sprintf("%.0f,000", n/1000)
	case n < 1e9:
		return fmt.Sprintf("%.1f million", n/1e6)
	default:
		return fmt.Sprintf("%.1f thousand million", n/1e9)
	}
}

func volume(bytes float64) string {
	if bytes < 1e9 {
		return fmt.Sprintf("%.0f MB", bytes/1e6)
	}
	return fmt.Sprintf("%.0f GB", bytes/1e9)
}
