package importer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/flate"

	"github.com/realmport/realmport/internal/catalog"
)

// The JSON files beside those that the catalog names.
const (
	migrationFile = "migration_status.json"
	statsFile     = "stats.json"
	missingFile   = "missing.json"
	consentFile   = "consented_user_ids.json"
)

// maxPath is the longest name that file systems take.
const maxPath = 4096

// member takes one member of the archive.
func (r *run) member(ctx context.Context, header *tar.Header, body io.Reader) error {
	name, err := r.locate(header)
	if err != nil {
		return err
	}
	if err := strange(header); err != nil {
		return place{file: header.Name}.at(err)
	}
	top, below, nested := strings.Cut(name, "/")
	if header.Typeflag == tar.TypeDir {
		return nil // folders come with their files
	}
	if f, ok := folders()[top]; ok && nested {
		return place{file: name}.at(r.stage.write(f.name+"/"+below, header, body, r))
	}
	if r.seen[name] {
		return place{file: name}.at(fault("the archive has two files of this name"))
	}
	return place{file: name}.at(r.readFile(ctx, name, body))
}

// locate returns a member's name below the root folder, "" for that folder itself.
func (r *run) locate(header *tar.Header) (string, error) {
	full := header.Name
	if header.Typeflag == tar.TypeDir {
		full = strings.TrimSuffix(full, "/")
	}
	full = strings.TrimPrefix(full, "./") // as tar writes it when it is told to pack "."
	if full == "." && header.Typeflag == tar.TypeDir {
		return "", nil
	}
	at := place{file: header.Name}
	if err := unsafe(full); err != nil {
		return "", at.at(err)
	}
	root, name, below := strings.Cut(full, "/")
	if r.root == "" {
		r.root = root
	}
	switch {
	case root != r.root:
		return "", at.at(faultf("the member is outside the archive's root folder %s", quoted(r.root)))
	case !below && header.Typeflag != tar.TypeDir:
		return "", at.at(fault("the member is not in a root folder; everything in an archive is"))
	}
	return name, nil
}

// unsafe says why a name could do harm or be understood in two ways.
func unsafe(name string) error {
	switch {
	case name == "":
		return fault("a name is empty")
	case len(name) > maxPath:
		return fault("a name is too long")
	case strings.HasPrefix(name, "/"):
		return fault("the name is an absolute path")
	case name == "..", strings.HasPrefix(name, "../"), strings.HasSuffix(name, "/.."), strings.Contains(name, "/../"):
		return fault("the name leads out of the folder that it belongs to")
	case strings.ContainsAny(name, "\\\x00"):
		return fault("the name has a backslash or a zero byte in it")
	case name == ".", !fs.ValidPath(name):
		return fault("the name is not a plain path")
	}
	return nil
}

// strange says why a member is not a plain file or folder.
func strange(header *tar.Header) error {
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return fault("the file is stored with holes, which may pretend any size")
		}
	}
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeDir:
		return nil
	case tar.TypeLink, tar.TypeSymlink:
		return faultf("the member is a link (to %s); only files and folders are allowed", quoted(header.Linkname))
	}
	return fault("the member is neither a file nor a folder")
}

// readFile reads a file at the top of the archive.
func (r *run) readFile(ctx context.Context, name string, body io.Reader) error {
	if n, ok := messageNumber(name); ok {
		if r.parts.Has(n) {
			return fault("the archive has two files of this name")
		}
		r.parts.Add(n)
		return r.readLists(ctx, name, catalog.MessagesFile, body)
	}
	switch {
	case strings.HasSuffix(name, ".partial"), strings.HasSuffix(name, ".locked"):
		return fault("the file is a leftover of an export that failed halfway, so messages are missing: export again")
	case strings.HasPrefix(name, "messages-"):
		return faultf("the file is not numbered as an archive's are (%s)", messageName(1))
	}
	switch file := catalog.File(name); file {
	case catalog.RealmFile, catalog.AnalyticsFile, catalog.AttachmentFile:
		r.seen[name] = true
		return r.readLists(ctx, name, file, body)
	}
	switch name {
	case migrationFile:
		r.seen[name] = true
		return r.readStatus(body)
	case missingFile:
		r.seen[name] = true
		return r.readMissing(body)
	case statsFile, consentFile: // both follow from the rest
		return nil
	}
	r.warnOnce("unknown files", "the file %s is not known, and not imported", quoted(name))
	return nil
}

// messageNumber returns the number in the name of a message file.
func messageNumber(name string) (int64, bool) {
	digits := strings.TrimSuffix(strings.TrimPrefix(name, "messages-"), ".json")
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && n > 0 && name == messageName(n)
}

func messageName(n int64) string { return fmt.Sprintf("messages-%06d.json", n) }

// readMissing counts what the export says that it had to leave out.
func (r *run) readMissing(body io.Reader) error {
	j := newJSON(body, r.longest)
	if j.kind() == jsontext.KindBeginArray {
		err := j.array(func() error { r.summary.ReportedLost++; return j.skip() })
		if err != nil {
			return err
		}
	} else if err := j.skip(); err != nil {
		return err
	}
	return j.end()
}

// complete checks that the archive has what it must.
func (r *run) complete() error {
	if r.root == "" {
		return invalid("the archive is empty")
	}
	for _, name := range []string{string(catalog.RealmFile), string(catalog.AttachmentFile), migrationFile} {
		if !r.seen[name] {
			return invalid("the archive has no %s: it is no archive of an organization, or not a whole one", name)
		}
	}
	last := int64(0)
	for _, n := range r.parts.Slice() {
		if n != last+1 {
			return invalid("the archive has %s and not %s: messages are missing", messageName(n), messageName(last+1))
		}
		last = n
	}
	if n := r.summary.ReportedLost; n > 0 {
		r.warn("%s says that %d rows or files were left out when the archive was made", missingFile, n)
	}
	return nil
}

// isCorrupt tells whether an error is the decompressor's.
func isCorrupt(err error) bool {
	var bad flate.CorruptInputError
	return errors.As(err, &bad)
}
