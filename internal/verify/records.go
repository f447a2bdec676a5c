package verify

import (
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The folders of files.
const (
	uploads = iota
	avatars
	emojis
	icons
	fileFolders
)

const recordsName = "/records.json"

// folder is a folder of files with its list of records.
type folder struct {
	name     string
	required bool // the importer fails without its list
	begun    bool // something is in it
	listed   bool // records.json is there
	whole    bool // ... and was read to its end
	records  int64
	table    *table // describes the records
	authors  bool   // the first record has an author
}

func newFolder(i int) folder {
	f := folder{required: i == uploads || i == avatars}
	needs := "path:text realm_id:integer *size:integer "
	switch i {
	case uploads:
		f.name, needs = "uploads", needs+"s3_path:text"
	case avatars:
		f.name, needs = "avatars", needs+"s3_path:text avatar_version:integer"
	case emojis:
		f.name, needs = "emoji", needs+"s3_path:text file_name:text"
	case icons:
		f.name = "realm_icons"
	}
	f.table = &table{name: "record", id: -1}
	for need := range strings.FieldsSeq(needs) {
		f.table.put(parseNeed(need))
	}
	switch i {
	case uploads, avatars:
		f.table.put(field{key: "user_profile_id", form: refForm, to: users, needed: true})
	case emojis:
		f.table.put(field{key: "author", form: refForm, to: users, nullable: true})
	}
	f.table.setNeeded()
	return f
}

// list is the name of the folder's list.
func (f *folder) list() string { return f.name + recordsName }

// folderOf returns the file folder that a name belongs to as a file, -1 if none.
func (c *check) folderOf(name string) int8 {
	top, rest, _ := strings.Cut(name, "/")
	for i := range c.folders {
		if f := &c.folders[i]; f.name == top {
			f.begun = true
			if rest != "" && name != f.list() {
				return int8(i)
			}
		}
	}
	return -1
}

// count takes a file of a file folder, and compares it with its record if that has come.
func (c *check) count(name string, n *node, size int64) {
	if n.folder < 0 {
		return
	}
	c.report.Files++
	c.report.FileBytes += size
	if n.marks&isSized != 0 && n.size != size {
		c.tell(name, "", 0, "the file has %d bytes, and %d by its record", size, n.size)
	}
	n.size = size
}

func (c *check) readRecords(f *folder, body io.Reader) {
	c.noteFile(f.list())
	f.listed = true
	j := c.newJSON(body)
	n := int64(0)
	err := j.array(func(v jsontext.Value) error {
		n++
		c.at = place{file: f.list(), table: f.table, id: n}
		if v.Kind() != jsontext.KindBeginObject {
			if !c.naming {
				c.tellRow("the record is %s instead of an object", article(v.Kind()))
			}
			return nil
		}
		if err := c.row.scan(v, f.table); err != nil {
			return shapeError("a record " + err.Error())
		}
		c.readRow(f.table)
		c.readRecord(f, n == 1)
		return nil
	})
	if c.naming {
		return
	}
	f.records = n
	f.whole = c.readWell(f.list(), j, err)
}

// readRecord looks at the record at hand.
func (c *check) readRecord(f *folder, first bool) {
	author := f.table.at(&c.row, "author") != nil
	if first {
		f.authors = author
	} else if f.authors && !author && !c.naming {
		c.tellRow("the first record has an author and this one has none, on which an import fails")
	}
	v := f.table.at(&c.row, "path")
	if v == nil || v.kind != jsontext.KindString {
		return // told with the field
	}
	path := v.text()
	name := f.name + "/" + path
	if fault := unsafe(path); fault != "" || len(name) > maxPath {
		if !c.naming {
			c.tellRow("the record's path %s will not do: %s", quoted(path), fault)
		}
		return
	}
	if c.naming {
		if c.absent(c.names[c.hash(name)]) {
			c.tellRow("the file %s is not in the archive", quoted(name))
		}
	} else {
		c.record(name)
	}
	if f.name == c.folders[uploads].name {
		c.readUpload()
	}
}

// record takes the name of a file from the record at hand.
func (c *check) record(name string) {
	if len(c.names) >= maxMembers {
		c.crowd()
		return
	}
	h := c.hash(name)
	n, known := c.names[h]
	if !known {
		n.folder = c.folderOf(name)
	}
	n.marks |= isRecorded
	if size := c.at.table.at(&c.row, "size"); size != nil && size.whole {
		if n.marks&isFile != 0 && n.size != size.n {
			c.tellRow("the file %s has %d bytes, and %d by its record", quoted(name), n.size, size.n)
		}
		if n.marks&isFile == 0 {
			n.size = size.n
			n.marks |= isSized
		}
	}
	c.names[h] = n
}

// readUpload follows an upload's key to the attachment that it belongs to.
func (c *check) readUpload() {
	v := c.at.table.at(&c.row, "s3_path")
	if v == nil {
		return
	}
	h := c.hash(v.text())
	switch {
	case !c.naming:
		c.link(h, linkListed)
	case c.links[h] == linkListed && c.attachmentsKnown():
		c.tellRow("no attachment has the path_id %s", quoted(v.text()))
	}
}

// link notes where a path_id has been seen.
func (c *check) link(h uint64, mark uint8) {
	if len(c.links) >= maxMembers {
		c.crowd()
		return
	}
	c.links[h] |= mark
}

// absent tells whether a file is recorded and not there.
func (c *check) absent(n node) bool { return n.marks&isRecorded != 0 && n.marks&isFile == 0 }

// stray tells whether a file of a file folder is not recorded.
func (c *check) stray(n node) bool {
	return n.folder >= 0 && n.marks&isFile != 0 && n.marks&isRecorded == 0 && c.folders[n.folder].whole
}

// attachmentsKnown tells whether all rows of the attachments have been read.
func (c *check) attachmentsKnown() bool {
	f := c.files[attachmentFile]
	return f != nil && !f.broken
}
