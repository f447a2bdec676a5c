package verify

import (
	"archive/tar"
	"io"
	"io/fs"
	"path"
	"strings"
)

const (
	// maxMembers is how many files and folders an archive may have.
	maxMembers = 10_000_000
	// maxPath is the longest name that file systems take.
	maxPath = 4096
)

// node is a name below the root folder. Names are kept as hashes: there may be very many.
type node struct {
	size   int64 // of the file, or as its record says before the file has come
	marks  uint8
	folder int8 // the file folder, -1 elsewhere
}

// The marks of a node.
const (
	isFile     = 1 << iota
	isFolder   // a folder of its own, or of a file
	isMember   // named by the archive itself
	isRecorded // named by records.json
	isSized    // ... with a size
	isNamed    // seen in the second reading
)

// member looks at one member of the archive.
func (c *check) member(header *tar.Header, body io.Reader) {
	if c.crowded {
		return
	}
	if len(c.names) >= maxMembers {
		c.crowd()
		return
	}
	name, fault := c.locate(header)
	if fault == "" {
		fault = strange(header)
	}
	if fault != "" {
		c.tell(header.Name, "", 0, "%s", fault)
		return
	}
	if name != "" && c.enter(name, header) && header.Typeflag == tar.TypeReg {
		c.readFile(name, body)
	}
}

// crowd gives up: the names cannot be told apart any more.
func (c *check) crowd() {
	if !c.crowded {
		c.tell("", "", 0, "the archive names more than %d files; the rest was not checked", maxMembers)
	}
	c.crowded = true
}

// nameMember looks at a member in the second reading.
func (c *check) nameMember(header *tar.Header, body io.Reader) {
	name, fault := c.locate(header)
	if fault != "" || strange(header) != "" || header.Typeflag != tar.TypeReg {
		return
	}
	h := c.hash(name)
	n, ok := c.names[h]
	if !ok || n.marks&isNamed != 0 {
		return
	}
	n.marks |= isNamed
	c.names[h] = n
	if c.stray(n) {
		c.tell(name, "", 0, "no record of %s names this file", c.folders[n.folder].list())
	}
	c.readFile(name, body)
}

// locate returns a member's name below the root folder, "" for that folder itself, or says why the
// name will not do.
func (c *check) locate(header *tar.Header) (name, fault string) {
	full := header.Name
	if header.Typeflag == tar.TypeDir {
		full = strings.TrimSuffix(full, "/")
	}
	if fault := unsafe(full); fault != "" {
		return "", fault
	}
	root, name, below := strings.Cut(full, "/")
	if c.root == "" {
		c.root = root
	}
	switch {
	case root != c.root:
		return "", "the member is outside the archive's root folder " + quoted(c.root)
	case !below && header.Typeflag != tar.TypeDir:
		return "", "the member is not in a root folder; everything in an archive is"
	}
	return name, ""
}

// unsafe says why a name could do harm or be understood in two ways, "" if it could not.
func unsafe(name string) string {
	switch {
	case name == "":
		return "a member has no name"
	case len(name) > maxPath:
		return "a member's name is too long"
	case strings.HasPrefix(name, "/"):
		return "the name is an absolute path"
	case name == "..", strings.HasPrefix(name, "../"), strings.HasSuffix(name, "/.."), strings.Contains(name, "/../"):
		return "the name leads out of the folder that the archive is unpacked in"
	case strings.ContainsAny(name, "\\\x00"):
		return "the name has a backslash or a zero byte in it"
	case name == ".", !fs.ValidPath(name):
		return "the name is not a plain path below a root folder"
	}
	return ""
}

// strange says why a member is not a plain file or folder, "" if it is one.
func strange(header *tar.Header) string {
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return "the file is stored with holes, which may pretend any size"
		}
	}
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeDir:
		return ""
	case tar.TypeLink, tar.TypeSymlink:
		return "the member is a link (to " + quoted(header.Linkname) + "); only files and folders are allowed"
	}
	return "the member is neither a file nor a folder"
}

// enter takes a member's name. It returns false if the name must not be used.
func (c *check) enter(name string, header *tar.Header) bool {
	h := c.hash(name)
	n, known := c.names[h]
	mark := uint8(isFile)
	if header.Typeflag == tar.TypeDir {
		mark = isFolder
	}
	if !known {
		n = node{folder: c.folderOf(name)}
	}
	if n.marks&isMember != 0 {
		c.tell(name, "", 0, "the archive has two members of this name")
		return false
	}
	if n.marks&(isFile|isFolder)&^mark != 0 || !c.enterParent(name) {
		c.tell(name, "", 0, "the name is used for a file and for a folder")
		return false
	}
	if mark == isFile {
		c.count(name, &n, header.Size)
	}
	n.marks |= mark | isMember
	c.names[h] = n
	return true
}

// enterParent marks the folders that a name is in. It returns false if one of them is a file.
func (c *check) enterParent(name string) bool {
	dir := path.Dir(name)
	if dir == "." || dir == c.parent {
		return true
	}
	c.parent = dir
	h := c.hash(dir)
	n, known := c.names[h]
	if !known {
		n.folder = c.folderOf(dir)
	}
	if n.marks&isFile != 0 {
		c.parent = ""
		return false
	}
	n.marks |= isFolder
	c.names[h] = n
	return c.enterParent(dir)
}

// readFile reads what is known to be in a file.
func (c *check) readFile(name string, body io.Reader) {
	if n, ok := messageNumber(name); ok {
		c.readMessages(name, n, body)
		return
	}
	for i := range c.folders {
		if name == c.folders[i].list() {
			c.readRecords(&c.folders[i], body)
			return
		}
	}
	switch name {
	case realmFile, analyticsFile, attachmentFile:
		c.noteFile(name)
		c.readTables(name, name, body)
		return
	}
	if c.naming {
		return
	}
	switch {
	case name == statsFile:
		c.readStats(body)
	case name == migrationFile:
		c.readMigrations(body)
	case name == missingFile:
		c.readMissing(body)
	case name == consentFile:
		c.readConsent(body)
	case strings.Contains(name, "/"):
	case strings.HasSuffix(name, ".partial"), strings.HasSuffix(name, ".locked"):
		c.tell(name, "", 0, "the file is a leftover of an export that failed halfway")
	case strings.HasPrefix(name, "messages-"):
		c.tell(name, "", 0, "the file is not numbered as an import expects (%s), which would leave it out", messageName(1))
	}
}

// noteFile notes that a JSON file is there.
func (c *check) noteFile(name string) {
	if !c.naming {
		c.files[name] = &dataFile{}
	}
}
