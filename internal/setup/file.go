package setup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/problem"
)

// file is one that is written.
type file struct {
	base   string // a folder that is trusted: the root of the workspace or of the repository
	path   string // in it, with slashes
	before []byte // nil if it is new
	after  []byte
	mode   fs.FileMode // of before
}

// open reads a file, if it is there. No link in the way is followed.
func open(base, name string) (*file, error) {
	f := &file{base: base, path: name}
	err := f.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, nil
	case errors.Is(err, confined.ErrLink):
		return nil, &problem.Error{Where: name, What: "is or lies behind a symbolic link, which heapmage does not follow",
			Hint: "put a file of your own in its place" + workflowHint(name)}
	case err != nil:
		return nil, &problem.Error{Where: name, What: "cannot be read", Cause: withoutPath(err), Hint: folder.Hint(withoutPath(err)) + workflowHint(name)}
	}
	return f, nil
}

func workflowHint(name string) string {
	if strings.HasPrefix(name, workflows) {
		return ", or leave the workflow out with -noworkflow"
	}
	return ""
}

func (f *file) read() error {
	dir, err := confined.Open(f.base, path.Dir(f.path))
	if err != nil {
		return err
	}
	defer dir.Close()
	from, err := dir.OpenFile(path.Base(f.path), os.O_RDONLY)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	f.mode = info.Mode().Perm()
	f.before, err = io.ReadAll(io.LimitReader(from, folder.Largest+1))
	if err == nil && len(f.before) > folder.Largest {
		err = folder.ErrTooLarge
	}
	return err
}

// wrong is the error of a file that cannot be parsed.
func (f *file) wrong(m *problem.Mistake) error {
	return &problem.Error{Where: m.In(f.path), What: m.What, Hint: "fix the file and run init again"}
}

// write writes all files or none. Each is written whole beside its place first, and takes that when
// all are.
func write(files []*file) (err error) {
	var undo []func() error
	defer func() {
		if err == nil {
			return
		}
		for _, one := range slices.Backward(undo) {
			if failed := one(); failed != nil {
				err = fmt.Errorf("%w; what was written could not all be taken back: %w", err, failed)
			}
		}
	}()
	var drafts []draft
	for _, f := range files {
		made, err := makeFolders(f)
		undo = append(undo, made...)
		if err != nil {
			return err
		}
		d, err := f.draft(f.after)
		if err != nil {
			return &fs.PathError{Op: "write", Path: f.path, Err: withoutPath(err)}
		}
		undo = append(undo, d.remove)
		drafts = append(drafts, d)
	}
	for _, d := range drafts {
		if err := d.place(); err != nil {
			return err
		}
		undo = append(undo, d.takeBack)
	}
	for _, d := range drafts {
		_ = d.dir.Close() // all is written
	}
	return nil
}

// makeFolders makes the folders of a file that are missing.
func makeFolders(f *file) (undo []func() error, err error) {
	root, err := os.OpenRoot(f.base)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	at := ""
	for part := range strings.SplitSeq(path.Dir(f.path), "/") {
		at = path.Join(at, part)
		if _, err := root.Lstat(at); !errors.Is(err, fs.ErrNotExist) {
			continue // confined looks at it
		}
		dir, err := confined.Make(f.base, at)
		if err != nil {
			return undo, err
		}
		name := at
		undo = append(undo, func() error { return removeIn(f.base, name) })
		_ = dir.Close() // it was only made
	}
	return undo, nil
}

func removeIn(base, name string) error {
	root, err := os.OpenRoot(base)
	if err != nil {
		return err
	}
	defer root.Close()
	return root.Remove(name)
}

// draft is a file's new text beside it.
type draft struct {
	*file
	dir  *confined.Folder
	name string
}

func (f *file) draft(text []byte) (d draft, err error) {
	d = draft{file: f, name: fmt.Sprintf(".heapmage-%d-%s", os.Getpid(), path.Base(f.path))}
	if d.dir, err = confined.Open(f.base, path.Dir(f.path)); err != nil {
		return d, err
	}
	to, err := d.dir.OpenFile(d.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return d, errors.Join(err, d.dir.Close())
	}
	_, err = to.Write(text)
	if f.before != nil {
		err = errors.Join(err, to.Chmod(f.mode))
	}
	if err = errors.Join(err, to.Sync(), to.Close()); err != nil {
		err = errors.Join(err, d.remove())
	}
	return d, err
}

// remove removes the draft, unless it has taken its place.
func (d draft) remove() error {
	err := d.dir.Remove(d.name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, d.dir.Close())
}

// place puts the draft into its place, if that is as it was when it was shown.
func (d draft) place() error {
	now := file{base: d.base, path: d.path}
	if err := now.read(); err != nil && !(errors.Is(err, fs.ErrNotExist) && d.before == nil) {
		return err
	}
	if !bytes.Equal(now.before, d.before) || (now.before == nil) != (d.before == nil) {
		return &fs.PathError{Op: "write", Path: d.path, Err: errors.New("it was changed meanwhile")}
	}
	return d.dir.Rename(d.name, path.Base(d.path))
}

// takeBack undoes place.
func (d draft) takeBack() error {
	if d.before == nil {
		return removeIn(d.base, d.path)
	}
	back, err := d.draft(d.before)
	if err != nil {
		return err
	}
	return errors.Join(back.dir.Rename(back.name, path.Base(back.path)), back.dir.Close())
}

func withoutPath(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}
