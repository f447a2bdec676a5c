package httpapi

import (
	"encoding/json"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/exports"
)

// statusNames are the statuses of exports in words.
var statusNames = map[realmport.ExportStatus]string{
	realmport.Requested: "requested", realmport.Started: "started", realmport.Succeeded: "succeeded", realmport.Failed: "failed",
	realmport.Deleted: "deleted",
}

// mostListed is how many of the missing things are listed; the archive's missing.json lists all.
const mostListed = 100

// statusObject is all that is known of an export.
type statusObject struct {
	ID          int64               `json:"id"`
	Status      string              `json:"status"`
	ExportType  any                 `json:"export_type"`
	Requested   *string             `json:"requested"` // times as of RFC 3339
	Started     *string             `json:"started"`
	Finished    *string             `json:"finished"`
	Attempt     int                 `json:"attempt"`
	Progress    progressObject      `json:"progress"`
	Stats       jsontext.Value      `json:"stats"`
	SHA256      *string             `json:"sha256"`
	Size        *int64              `json:"size"`
	Missing     map[string]int      `json:"missing"`
	MissingList []realmport.Missing `json:"missing_list"`
	Reason      *string             `json:"reason"`
	ExportURL   *string             `json:"export_url"`
}

// progressObject is realmport.Progress with the time that is left.
type progressObject struct {
	realmport.Progress
	ETASeconds *int64 `json:"eta_seconds"`
}

func (w wire) status(s *exports.Status, realm *realmport.Realm) *statusObject {
	e, run := &s.Export, &s.Run
	out := &statusObject{
		ID: e.ID, Status: statusNames[e.Status], ExportType: w.exportType(e.Type), Requested: stamp(e.Requested), Started: stamp(e.Started),
		Finished: stamp(e.Succeeded), Attempt: run.Attempt, Progress: progressObject{Progress: run.Progress, ETASeconds: eta(s)},
		Stats: jsontext.Value("null"), Missing: map[string]int{}, ExportURL: w.url(e, realm),
	}
	if e.Status == realmport.Failed {
		out.Finished = stamp(e.Failed)
	}
	if e.Status == realmport.Succeeded && jsontext.Value(e.Stats).IsValid() {
		out.Stats = jsontext.Value(e.Stats)
	}
	if run.Summary != nil {
		stats, _ := json.Marshal(run.Summary) // of numbers and texts: cannot fail
		out.Stats = stats
		if run.Summary.Missing != nil {
			out.Missing = run.Summary.Missing
		}
	}
	out.MissingList = run.Missing[:min(len(run.Missing), mostListed)]
	if e.Status == realmport.Succeeded {
		out.Progress.Done = 1
	}
	if e.SHA256 != "" { // else nobody has seen the archive whole: a bucket has joined it
		out.SHA256 = &e.SHA256
	}
	if !e.Succeeded.IsZero() {
		out.Size = &e.Size
	}
	if reason := reasonOf(e, run); reason != "" {
		out.Reason = &reason
	}
	return out
}

// reasonOf says why an export failed, or its last attempt did.
func reasonOf(e *realmport.Export, run *realmport.Run) string {
	switch {
	case e.Status == realmport.Succeeded || e.Status == realmport.Deleted:
		return ""
	case run.Cancelled != "":
		return run.Cancelled
	default:
		return run.Reason
	}
}

// stamp is a time as of RFC 3339, nil if it is not set.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format(time.RFC3339Nano)
	return &s
}

// eta is how many seconds are left if all goes on as it went, as of the last heartbeat; nil if that cannot be said.
func eta(s *exports.Status) *int64 {
	const enough = 0.01 // done
	done, elapsed := s.Run.Progress.Done, s.Run.Heartbeat.Sub(s.Run.Started)
	if !s.Export.Status.Pending() || done < enough || s.Run.Started.IsZero() || elapsed <= 0 {
		return nil
	}
	left := int64(elapsed.Seconds() * (1 - min(done, 1)) / done)
	return &left
}

// status reads what is known of the export in the path.
func (c *call) status() (*statusObject, error) {
	s, err := c.api.o.Exports.Status(c.ctx(), c.user, c.id())
	if err != nil {
		return nil, err
	}
	return c.api.wire.status(s, c.realm), nil
}

// exportStatus is GET /realmport/v1/exports/{id}.
func (c *call) exportStatus() error {
	s, err := c.status()
	if err != nil {
		return err
	}
	return c.succeed(field{"export", s})
}

// cancelExport is POST /realmport/v1/exports/{id}/cancel.
func (c *call) cancelExport() error {
	if err := c.api.o.Exports.Cancel(c.ctx(), c.user, c.id()); err != nil {
		return err
	}
	return c.succeed()
}
