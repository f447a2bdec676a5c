package export

import (
	"encoding/json"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/archive"
)

// Plan is what whoever makes parts of an export needs to know of it. It is fit for JSON.
type Plan struct {
	Snapshot    string // its token; see realmport.Joiner
	Type        realmport.ExportType
	Realm       int64
	Name        string    // the archive's root folder
	Modified    time.Time // of the archive's own files
	Readers     []byte    // whose usermessages are written, packed by idset
	Compression int
	Files       string // the place of files, as realmport.Traits names it; "" for none
}

// Spec says what a part shall hold: the archive's beginning, messages, files, or several of them in this order. It is fit for JSON.
type Spec struct {
	Opens    bool         `json:",omitempty"` // with the archive's header and folders
	Messages *MessageSpec `json:",omitempty"`
	Files    *FileSpec    `json:",omitempty"`
}

// MessageSpec is a run of consecutive message files.
type MessageSpec struct {
	First int    // number of the first file
	IDs   []byte // of the messages, packed by idset: many parts wait for their turn at a time
}

// FileSpec is a run of files of one folder of the archive.
type FileSpec struct {
	Folder string
	Items  []Item
}

// Made is what is known of a part that was made. It is fit for JSON.
type Made struct {
	// Stored is about the bytes. Name is where they are; "" if they were not stored. SHA256, in hex, is their digest then.
	Stored archive.Stored
	Name   string `json:",omitempty"`
	SHA256 string `json:",omitempty"`

	// First and Last are the ids of the messages.
	First, Last  int64             `json:",omitempty"`
	MessageFiles []MessageFile     `json:",omitempty"`
	Records      []json.RawMessage `json:",omitempty"` // of records.json, one per copied file
	FileBytes    int64             `json:",omitempty"`
	Missing      []realmport.Missing
}

// MessageFile is what is remembered of a written message file.
type MessageFile struct {
	Number       int
	Messages     int64
	UserMessages int64
}
