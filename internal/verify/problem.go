package verify

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Problem is one thing that is wrong with an archive.
type Problem struct {
	File    string `json:"file,omitempty"`  // below the root folder; "" when it is about the archive
	Table   string `json:"table,omitempty"` // "" when it is not about a table
	ID      int64  `json:"id,omitempty"`    // of the row; 0 when there is none
	Message string `json:"message"`
}

// String returns the problem as one line: where, then what.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File + ": ")
	}
	if p.Table != "" {
		b.WriteString(p.Table)
		if p.ID != 0 {
			b.WriteString(" " + strconv.FormatInt(p.ID, 10))
		}
		b.WriteString(": ")
	}
	return b.String() + p.Message
}

// tell notes a problem.
func (c *check) tell(file, table string, id int64, format string, args ...any) {
	c.report.ProblemCount++
	if len(c.report.Problems) >= c.limit {
		return
	}
	c.report.Problems = append(c.report.Problems, Problem{
		File: printable(file), Table: printable(table), ID: id, Message: fmt.Sprintf(format, args...),
	})
}

// tellRow notes a problem with the row that is being read.
func (c *check) tellRow(format string, args ...any) {
	c.tell(c.at.file, c.at.table.name, c.at.id, format, args...)
}

const maxQuoted = 120

// quoted quotes what an archive says, cut to a length that fits in a line.
func quoted(s string) string {
	if q := strconv.Quote(s); len(q) <= maxQuoted {
		return q
	}
	return strconv.Quote(cut(s, maxQuoted/2)) + "..."
}

// printable returns s as it is if it is fit for a line of a terminal, and else quoted.
func printable(s string) string {
	if len(s) <= maxQuoted && strconv.Quote(s) == `"`+s+`"` {
		return s
	}
	return quoted(s)
}

// cut returns the first bytes of s, without half a character at the end.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
