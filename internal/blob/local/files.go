// Package local keeps files in folders of this machine: a Zulip server's
// upload folder to read from, and archives to write.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/realmport/realmport"
)

// Files is a Zulip server's upload folder. Nothing outside of it is read, whatever
// names or symbolic links say.
type Files struct{ root *os.Root }

var _ realmport.Files = (*Files)(nil)

// OpenFiles opens an upload folder: the one with files and avatars in it. The caller closes it.
func OpenFiles(folder string) (*Files, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, explainFolder(folder, err)
	}
	f := &Files{root: root}
	seen := false
	for _, area := range []realmport.Area{realmport.Uploads, realmport.Avatars} {
		dir, err := root.Open(string(area))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			_, err = dir.ReadDir(1)
			_ = dir.Close()
		}
		if err != nil && err != io.EOF {
			_ = root.Close()
			return nil, explainFolder(path.Join(folder, string(area)), err)
		}
		seen = true
	}
	if !seen {
		_ = root.Close()
		return nil, realmport.Errorf(realmport.NotFound, "%s is not a Zulip server's upload folder: it has neither files nor avatars in it "+
			"(the folder is LOCAL_UPLOADS_DIR of the server's settings, usually /home/zulip/uploads)", folder)
	}
	return f, nil
}

func explainFolder(folder string, err error) error {
	code, advice := realmport.Internal, "check it"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		code, advice = realmport.NotFound, "it is LOCAL_UPLOADS_DIR of the server's settings, usually /home/zulip/uploads"
	case errors.Is(err, fs.ErrPermission):
		code, advice = realmport.NotAllowed, "run realmport as a user who may read it, for example in the group of user zulip"
	}
	return &realmport.Error{Code: code, Message: fmt.Sprintf("cannot read the upload folder %s: %s; %s", folder, cause(err), advice), Err: err}
}

// cause is the system's own message, without the path again.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// Open implements realmport.Files.
func (f *Files) Open(_ context.Context, area realmport.Area, name string) (*realmport.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	full := path.Join(string(area), name)
	// A pipe or device must not be opened: that may wait forever.
	if info, err := f.root.Stat(full); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	file, err := f.root.Open(full)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &realmport.File{ReadCloser: file, Size: info.Size(), Modified: info.ModTime()}, nil
}

// List implements realmport.Files.
func (f *Files) List(ctx context.Context, area realmport.Area, folder string, fn func(name string) error) error {
	dir, err := f.root.Open(path.Join(string(area), folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(1000)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for _, e := range entries {
			if e.IsDir() {
				continue
			}
			if err := fn(e.Name()); err != nil {
				return err
			}
		}
	}
}

// Close frees the folder.
func (f *Files) Close() error { return f.root.Close() }
