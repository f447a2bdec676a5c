package httpapi

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/exports"
)

// archivePath is what the path of an archive looks like (api.md §2). Nothing else reaches the storage.
var archivePath = regexp.MustCompile(`^/user_avatars/exports/[0-9]{1,19}/[A-Za-z0-9_-]{24}/zulip-export-[a-z0-9_]{8}\.tar\.gz$`)

// archives serves all paths below the one of archives.
var archives = &route{
	name: "/user_avatars/exports/{realm}/{secret}/{file}", pattern: regexp.MustCompile(`^(` + exports.URLPrefix + `.*)$`), methods: reading,
	serve: (*call).archive,
}

// archive serves an archive: to whoever knows its path, unless Options.Download says more.
func (c *call) archive() {
	if !slices.Contains(reading, c.r.Method) {
		c.methodNotAllowed()
		return
	}
	path := c.args[0]
	if !archivePath.MatchString(path) {
		c.noFile()
		return
	}
	if err := c.readParams(); err != nil {
		c.failForm(err)
		return
	}
	if d := c.api.o.Download; d.TTL > 0 && !signed(d.Key, "download", path, c.query["expires"], c.query["sig"], c.now()) {
		c.page(http.StatusGone, "Link expired (410)", "This link can no longer be used. List the exports again to get a new one.")
		return
	}
	if err := c.openArchive(path); errors.Is(err, errNoLogin) && c.api.o.Login != nil && prefersHTML(c.r) {
		c.toLogin()
	} else if realmport.ErrorCode(err) == realmport.NotFound || errors.Is(err, fs.ErrNotExist) {
		c.noFile()
	} else if err != nil {
		c.fail(err)
	}
}

func (c *call) noFile() {
	c.write(http.StatusNotFound, htmlType, []byte("<p>File not found</p>"))
}

// openArchive finds the archive and sends it. It fails with NotFound if no export that succeeded has this path.
func (c *call) openArchive(path string) error {
	login := c.api.o.Download.RequireLogin
	if login {
		if err := c.identify(true); err != nil {
			return err
		}
		if !c.user.Role.Administers() {
			return errNoAdmin
		}
	}
	e, err := c.api.o.Exports.Exports.ByPath(c.ctx(), path)
	if err != nil {
		return err
	}
	if e.Status != realmport.Succeeded || login && e.RealmID != c.user.RealmID {
		return realmport.Errorf(realmport.NotFound, "no such archive")
	}
	name, ok := c.api.o.Exports.Place.Archive(path)
	if !ok {
		return fs.ErrNotExist
	}
	file, err := c.api.o.Exports.Archives.Open(c.ctx(), name)
	if err != nil {
		return err
	}
	defer file.Close()
	c.sendArchive(e, file)
	return nil
}

// sendArchive answers with the archive, or the part of it that is asked for. It is never cached: once an archive is deleted, it
// shall be gone. The reference lets caches keep it for a year (api.md §2).
func (c *call) sendArchive(e *realmport.Export, file *realmport.Archive) {
	h := c.w.Header()
	h.Del("Vary")
	h.Del("Content-Language")
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Cache-Control", "private, no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self'")
	h.Set("ETag", fmt.Sprintf(`"%s"`, e.SHA256))
	if e.SHA256 == "" {
		h.Set("ETag", fmt.Sprintf(`"%x-%x"`, file.Size, file.Modified.UnixNano()))
	}
	if !strings.HasPrefix(c.r.Header.Get("Range"), "bytes=") {
		c.r.Header.Del("Range") // of units that are not known nothing is wanted
	}
	c.readForever()
	http.ServeContent(c.w, c.r, "", file.Modified, &paced{ReadSeeker: file, call: c})
}

// paced lets a download take as long as it needs while the client takes what is sent.
type paced struct {
	io.ReadSeeker
	call *call
}

func (p *paced) Read(b []byte) (int, error) {
	if err := p.call.ctx().Err(); err != nil {
		return 0, err
	}
	p.call.extendWriting()
	return p.ReadSeeker.Read(b)
}
