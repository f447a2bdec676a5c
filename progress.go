package realmport

import "sync/atomic"

// Progress is how far an export is.
type Progress struct {
	Phase         string  `json:"phase"`
	Done          float64 `json:"done"` // 0 to 1, over the whole export
	Messages      int64   `json:"messages"`
	MessagesTotal int64   `json:"messages_total"`
	Rows          int64   `json:"rows"` // of all tables, so far
	Files         int64   `json:"files"`
	FilesTotal    int64   `json:"files_total"`
	Bytes         int64   `json:"bytes"` // of the archive, so far
}

// Meter counts an export's progress. The engine adds to it, anyone may read
// it at any time; the zero Meter is ready.
type Meter struct {
	phase                     atomic.Pointer[string]
	Rows, Files, Bytes        atomic.Int64
	Messages, MessagesTotal   atomic.Int64
	FilesTotal                atomic.Int64
	FileBytes, FileBytesTotal atomic.Int64
}

// Weights of the units of work in Progress.Done, as measured: a message with its
// usermessages costs about as much as 64 KiB of a file; opening a file as much as two messages.
const (
	unitsPerFile = 2
	bytesPerUnit = 64 << 10
)

// SetPhase names what goes on.
func (m *Meter) SetPhase(name string) { m.phase.Store(&name) }

// Progress returns the present state.
func (m *Meter) Progress() Progress {
	p := Progress{
		Messages: m.Messages.Load(), MessagesTotal: m.MessagesTotal.Load(),
		Rows: m.Rows.Load(), Files: m.Files.Load(), FilesTotal: m.FilesTotal.Load(), Bytes: m.Bytes.Load(),
	}
	if s := m.phase.Load(); s != nil {
		p.Phase = *s
	}
	units := func(messages, files, bytes int64) float64 {
		return float64(messages) + float64(files)*unitsPerFile + float64(bytes)/bytesPerUnit
	}
	if total := units(p.MessagesTotal, p.FilesTotal, m.FileBytesTotal.Load()); total > 0 {
		p.Done = min(1, units(p.Messages, p.Files, m.FileBytes.Load())/total)
	}
	return p
}
