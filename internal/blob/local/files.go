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
	"path/filepath"

	"github.com/realmport/realmport"
)

// Files is a Zulip server's upload folder. Its areas may be symbolic links to other places; of an
// area, nothing outside is read, whatever names or links in it say.
type Files struct{ areas map[realmport.Area]*os.Root }

var _ realmport.Files = (*Files)(nil)

// OpenFiles opens an upload folder: the one with files and avatars in it. The caller closes it.
func OpenFiles(folder string) (*Files, error) {
	if _, err := os.ReadDir(folder); err != nil {
		return nil, explainFolder(folder, err)
	}
	f := &Files{areas: map[realmport.Area]*os.Root{}}
	for _, area := range []realmport.Area{realmport.Uploads, realmport.Avatars} {
		name := filepath.Join(folder, string(area))
		root, err := openArea(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, errors.Join(explainFolder(name, err), f.Close())
		}
		f.areas[area] = root
	}
	if len(f.areas) == 0 {
		return nil, realmport.Errorf(realmport.NotFound, "%s is not a Zulip server's upload folder: it has neither files nor avatars in it "+
			"(the folder is LOCAL_UPLOADS_DIR of the server's settings, usually /home/zulip/uploads)", folder)
	}
	return f, nil
}

// openArea opens a folder and makes sure that it can be read.
func openArea(name string) (*os.Root, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	dir, err := root.Open(".")
	if err == nil {
		_, err = dir.ReadDir(1)
		_ = dir.Close()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		_ = root.Close()
		return nil, err
	}
	return root, nil
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
	root := f.areas[area]
	if root == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	// A pipe or device must not be opened: that may wait forever.
	if info, err := root.Stat(name); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &realmport.File{ReadCloser: &sized{file: file, left: info.Size()}, Size: info.Size(), Modified: info.ModTime()}, nil
}

// sized is a file that yields just the bytes it had when it was opened, whatever is written to it meanwhile.
type sized struct {
	file *os.File // not embedded: its WriteTo would not stop
	left int64
}

// Close implements io.Closer.
func (s *sized) Close() error { return s.file.Close() }

// Read implements io.Reader.
func (s *sized) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n, err := s.file.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = errors.New("the file became shorter while it was read")
	}
	return n, err
}

// Traits implements realmport.Files.
func (*Files) Traits() realmport.Traits { return realmport.Traits{Place: "a folder"} }

// List implements realmport.Files.
func (f *Files) List(ctx context.Context, area realmport.Area, folder string, fn func(name string) error) error {
	if folder == "" {
		folder = "."
	}
	if !fs.ValidPath(folder) {
		return &fs.PathError{Op: "list", Path: folder, Err: fs.ErrInvalid}
	}
	root := f.areas[area]
	if root == nil {
		return nil
	}
	dir, err := root.Open(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(1000)
		if errors.Is(err, io.EOF) {
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
func (f *Files) Close() error {
	var errs []error
	for _, root := range f.areas {
		errs = append(errs, root.Close())
	}
	return errors.Join(errs...)
}
