package export

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/archive"
	"github.com/realmport/realmport/internal/idset"
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
	Tag    string `json:",omitempty"` // see realmport.Piece
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

// check refuses specifications that no coordinator of this version makes.
func (s *Spec) check() error {
	ok := s.Messages != nil || s.Files != nil
	if s.Messages != nil {
		ids, err := idset.Unpack(s.Messages.IDs)
		ok = ok && err == nil && len(ids) > 0 && s.Messages.First > 0
	}
	if s.Files != nil {
		ok = ok && len(s.Files.Items) > 0 && slices.Contains(folders(), s.Files.Folder)
		for i := range s.Files.Items {
			it := &s.Files.Items[i]
			owned := it.What.Kind != kindUpload && it.What.Kind != kindAvatar || it.Owner != nil || it.What.Reason != ""
			ok = ok && owned && (it.Area == realmport.Uploads || it.Area == realmport.Avatars || it.What.Reason != "")
		}
	}
	if !ok {
		return realmport.Errorf(realmport.Unsupported, "the specification of a part is not one of this version: do all processes run the same?")
	}
	return nil
}
