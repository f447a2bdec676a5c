// Package progress tells a person or a program how far an export is: a bar on a
// terminal, a plain line now and then elsewhere, or JSON objects.
package progress

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/realmport/realmport"
)

// Style is how progress is shown.
type Style uint8

// The styles.
const (
	None  Style = iota
	Bar         // one line of a terminal, drawn again and again
	Lines       // a line every few seconds
	JSON        // an object a second
)

// Reporter shows a meter's progress from Start to Stop.
type Reporter struct {
	w     io.Writer
	style Style
	meter *realmport.Meter
	now   func() time.Time
	width func() int

	begun time.Time
	stop  chan struct{}
	ended sync.WaitGroup
	drawn bool
	most  float64 // of Progress.Done, so far
}

// New makes a reporter that writes to w. Width returns the terminal's columns and
// is asked before each drawing; it may be nil for styles other than Bar.
func New(w io.Writer, style Style, meter *realmport.Meter, now func() time.Time, width func() int) *Reporter {
	return &Reporter{w: w, style: style, meter: meter, now: now, width: width}
}

func (r *Reporter) interval() time.Duration {
	switch r.style {
	case Bar:
		return 200 * time.Millisecond
	case Lines:
		return 5 * time.Second
	default:
		return time.Second
	}
}

// Start begins to report. The caller stops it.
func (r *Reporter) Start() {
	r.begun, r.stop = r.now(), make(chan struct{})
	if r.style == None {
		return
	}
	r.ended.Go(func() {
		tick := time.NewTicker(r.interval())
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				r.show()
			case <-r.stop:
				return
			}
		}
	})
}

// Stop ends the reports and clears the bar: afterwards nothing is written. It is idempotent, and does
// nothing before Start.
func (r *Reporter) Stop() {
	if r.stop == nil {
		return
	}
	close(r.stop)
	r.ended.Wait()
	r.stop = nil
	if r.drawn {
		r.drawn = false
		fmt.Fprint(r.w, "\r\x1b[K")
	}
}

// Elapsed is the time since Start.
func (r *Reporter) Elapsed() time.Duration { return r.now().Sub(r.begun) }

func (r *Reporter) show() {
	p, elapsed := r.meter.Progress(), r.Elapsed()
	// Work that turns up late makes what is done a smaller part; a bar that goes back only irritates.
	r.most = max(r.most, p.Done)
	p.Done = r.most
	switch r.style {
	case Bar:
		r.drawn = true
		fmt.Fprint(r.w, "\r\x1b[K"+Line(p, elapsed, max(r.width()-1, 1))) // the last column would wrap on some terminals
	case Lines:
		fmt.Fprintln(r.w, Line(p, elapsed, 0))
	case JSON:
		text, err := json.Marshal(status(p, elapsed))
		if err == nil {
			fmt.Fprintln(r.w, string(text))
		}
	}
}

// Status is the JSON form of a report.
type Status struct {
	MessageType string `json:"message_type"` // always "status"
	realmport.Progress
	RowsPerSecond float64  `json:"rows_per_second"`
	Elapsed       float64  `json:"seconds_elapsed"`
	Remaining     *float64 `json:"seconds_remaining"` // null while it cannot be told
}

func status(p realmport.Progress, elapsed time.Duration) Status {
	s := Status{MessageType: "status", Progress: p, Elapsed: elapsed.Seconds(), RowsPerSecond: rate(p.Rows, elapsed)}
	if eta, ok := Remaining(p.Done, elapsed); ok {
		seconds := eta.Seconds()
		s.Remaining = &seconds
	}
	return s
}

func rate(n int64, elapsed time.Duration) float64 {
	if elapsed <= 0 {
		return 0
	}
	return float64(n) / elapsed.Seconds()
}

// Remaining estimates how long the rest takes, once enough is done to tell.
func Remaining(done float64, elapsed time.Duration) (time.Duration, bool) {
	if done < 0.01 || done > 1 {
		return 0, false
	}
	return time.Duration(float64(elapsed) * (1 - done) / done), true
}
