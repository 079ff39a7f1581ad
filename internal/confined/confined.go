// Package confined opens the files of a folder that others may have prepared, such
// as .heapmage in a repository that was just cloned. It follows no symbolic link
// below a base that is trusted, and opens nothing but regular files, so that neither
// a file elsewhere is changed nor a read waits for ever.
//
// Each call looks at the file system anew: a script may remove the folder at any
// time. A link that is put in place between a look and the use can lead no further
// than the base (os.Root).
package confined

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// The reasons to refuse a file, beside those of the system.
var (
	// ErrLink means that a symbolic link is in the way.
	ErrLink = errors.New("it is a symbolic link, which heapmage does not follow")
	// ErrNotFile means that something else than a file is in the way.
	ErrNotFile = errors.New("it is not a regular file")
)

// Folder is an open folder. Close it.
type Folder struct {
	*os.Root
	name string // for messages
}

// Open opens the folder at name, with slashes, below base. Links in base itself are
// followed; an empty base is the working folder.
func Open(base, name string) (*Folder, error) { return open(base, name, false) }

// Make is Open after making what is missing of the folder.
func Make(base, name string) (*Folder, error) { return open(base, name, true) }

func open(base, name string, missing bool) (*Folder, error) {
	if base == "" {
		base = "."
	}
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil, err
	}
	at := ""
	for part := range strings.SplitSeq(name, "/") {
		at = path.Join(at, part)
		next, err := enter(root, part, missing)
		_ = root.Close() // it was only read
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: at, Err: plain(err)}
		}
		root = next
	}
	return &Folder{root, at}, nil
}

// enter opens a folder in a folder.
func enter(root *os.Root, name string, missing bool) (*os.Root, error) {
	info, err := root.Lstat(name)
	if missing && errors.Is(err, fs.ErrNotExist) {
		if err = root.Mkdir(name, 0o755); err == nil || errors.Is(err, fs.ErrExist) {
			info, err = root.Lstat(name)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, ErrLink
	case !info.IsDir():
		return nil, errors.New("it is not a folder")
	}
	next, err := root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if now, err := next.Stat("."); err != nil || !os.SameFile(info, now) {
		return nil, errors.Join(ErrLink, err, next.Close())
	}
	return next, nil
}

// Sub opens a folder inside of the folder.
func (f *Folder) Sub(name string) (*Folder, error) {
	root, err := enter(f.Root, name, false)
	if err != nil {
		return nil, f.fail(name, err)
	}
	return &Folder{root, path.Join(f.name, name)}, nil
}

// OpenFile is os.OpenFile for a regular file of the folder. A file that it makes did
// not exist before.
func (f *Folder) OpenFile(name string, flag int) (*os.File, error) {
	if flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL { // a link would be in the way as well
		file, err := f.Root.OpenFile(name, flag|syscall.O_NONBLOCK, 0o644)
		if err != nil {
			return nil, f.fail(name, err)
		}
		return file, nil
	}
	for range 3 { // others may make or remove the file meanwhile
		before, err := f.Lstat(name)
		mode := flag
		switch {
		case err == nil && before.Mode()&fs.ModeSymlink != 0:
			return nil, f.fail(name, ErrLink)
		case err == nil && !before.Mode().IsRegular():
			return nil, f.fail(name, ErrNotFile)
		case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0:
			mode |= os.O_EXCL
		case err != nil:
			return nil, f.fail(name, err)
		}
		// Should a pipe be there by now, opening it must not wait.
		file, err := f.Root.OpenFile(name, mode|syscall.O_NONBLOCK, 0o644)
		if errors.Is(err, fs.ErrExist) || flag&os.O_CREATE != 0 && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, f.fail(name, err)
		}
		if now, err := file.Stat(); err != nil || !now.Mode().IsRegular() || before != nil && !os.SameFile(before, now) {
			return nil, errors.Join(f.fail(name, ErrNotFile), err, file.Close())
		}
		return file, nil
	}
	return nil, f.fail(name, errors.New("it is made and removed again and again"))
}

// Names returns the names of what is in the folder, in no order.
func (f *Folder) Names() ([]string, error) {
	dir, err := f.Root.OpenFile(".", os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, f.fail(".", err)
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

// Create makes a new file in place of whatever has the name, which is removed and
// not written to.
func (f *Folder) Create(name string) (*os.File, error) {
	if err := f.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, f.fail(name, err)
	}
	return f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// Replace writes a new file and renames it, so that a link in its place is replaced and not
// followed, and the file is whole under its name. The new file always has the same name, so
// that killed programs leave no more than one; two that replace a file at once need a lock.
func (f *Folder) Replace(name string, write func(*os.File) error) error {
	return f.ReplaceBy(name+".new", name, write)
}

// ReplaceBy is Replace with a name for the new file. No lock is needed if that is unique.
func (f *Folder) ReplaceBy(draft, name string, write func(*os.File) error) error {
	file, err := f.Create(draft)
	if err != nil {
		return err
	}
	if err = errors.Join(write(file), file.Close()); err == nil {
		err = f.Rename(draft, name)
	}
	if err != nil {
		return errors.Join(err, f.Remove(draft))
	}
	return nil
}

// fail names the file in an error.
func (f *Folder) fail(name string, err error) error {
	return &fs.PathError{Op: "open", Path: path.Join(f.name, name), Err: plain(err)}
}

// plain takes the path off an error that is given another.
func plain(err error) error {
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
