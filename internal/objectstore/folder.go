package objectstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// folder is a store in a folder of this machine, or of one that it has mounted. An object gets its
// name when it is whole, by a hard link, which never replaces what is there.
type folder struct{ path string }

// openFolder opens a folder, which need not be there yet.
func openFolder(at *url.URL, root string, _ []string) (Store, error) {
	if at.RawQuery != "" || at.Fragment != "" {
		return nil, errors.New("a folder has no ? and no #")
	}
	name := at.Path
	switch {
	case at.Opaque != "": // file:shared/cache
		name = filepath.Join(root, filepath.FromSlash(at.Opaque))
	case at.Host != "" && at.Host != "localhost":
		return nil, fmt.Errorf("%s is read as the name of a machine: a path has three slashes, file:///srv/cache", at.Host)
	case name == "" || name == "/":
		return nil, errors.New("it names no folder")
	default:
		name = filepath.FromSlash(drive(name))
	}
	return &folder{filepath.Clean(name)}, nil
}

// drive takes the slash away that stands before the letter of a drive.
func drive(name string) string {
	if len(name) > 2 && name[0] == '/' && name[2] == ':' {
		return name[1:]
	}
	return name
}

func (f *folder) Traits() Traits {
	return Traits{CreateOnly: true, OwnFolder: true, Where: "the folder " + f.path}
}

// open opens what leads to an object. No link in it is followed out of the folder.
func (f *folder) open(name string) (*os.Root, string, error) {
	if !ValidName(name) {
		return nil, "", fmt.Errorf("%q cannot be the name of an object", name)
	}
	root, err := os.OpenRoot(f.path)
	dir, base := path.Split(name)
	return root, filepath.FromSlash(dir + base[:min(2, len(base))] + "/" + base), err
}

func (f *folder) Get(_ context.Context, name string) (io.ReadCloser, error) {
	root, at, err := f.open(name)
	if err != nil {
		return nil, plain(err)
	}
	defer root.Close()
	info, err := root.Lstat(at)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("something else than a file has its name")
	}
	if err != nil {
		return nil, plain(err)
	}
	file, err := root.Open(at)
	if err != nil {
		return nil, plain(err)
	}
	return file, nil
}

func (f *folder) Has(_ context.Context, name string) (bool, error) {
	root, at, err := f.open(name)
	if err == nil {
		defer root.Close()
		_, err = root.Lstat(at)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, plain(err)
}

// temps is the folder of what is being written.
const temps = "tmp"

func (f *folder) Put(ctx context.Context, name string, c Content) (err error) {
	defer func() {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
			err = &refusal{err} // who may not write may still read
		}
	}()
	if err := os.MkdirAll(f.path, 0o755); err != nil {
		return plain(err)
	}
	root, at, err := f.open(name)
	if err != nil {
		return plain(err)
	}
	defer root.Close()
	if _, err := root.Lstat(at); err == nil {
		return ErrExists
	}
	if err := errors.Join(root.MkdirAll(temps, 0o755), root.MkdirAll(filepath.Dir(at), 0o755)); err != nil {
		return plain(err)
	}
	f.sweep(root)
	draft := filepath.Join(temps, strings.ReplaceAll(name, "/", "-")+fmt.Sprintf(".%d.%d", os.Getpid(), time.Now().UnixNano()))
	if err := write(ctx, root, draft, c); err != nil {
		return errors.Join(plain(err), ignoreAbsent(root.Remove(draft)))
	}
	err = root.Link(draft, at)
	if err != nil && !errors.Is(err, fs.ErrExist) { // there are file systems without hard links
		if _, there := root.Lstat(at); errors.Is(there, fs.ErrNotExist) {
			err = root.Rename(draft, at)
		} else {
			err = fs.ErrExist
		}
	}
	_ = root.Remove(draft) // the next Put removes what stays
	if errors.Is(err, fs.ErrExist) {
		return ErrExists
	}
	return plain(err)
}

// refusal is an ErrRefused.
type refusal struct{ error }

func (r *refusal) Is(err error) bool { return err == ErrRefused }

// write writes a file whole.
func write(ctx context.Context, root *os.Root, name string, c Content) (err error) {
	from, err := c.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	n, err := io.Copy(file, Stoppable(ctx, from))
	if err == nil && n != c.Size {
		err = fmt.Errorf("%d bytes were to be written, and there were %d", c.Size, n)
	}
	return errors.Join(err, file.Close())
}

// old is the age at which what is being written is taken for left behind.
const old = 24 * time.Hour

// sweep removes what killed processes left.
func (f *folder) sweep(root *os.Root) {
	list, err := fs.ReadDir(root.FS(), temps)
	if err != nil {
		return
	}
	for _, e := range list {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > old {
			_ = root.Remove(filepath.Join(temps, e.Name())) // the next Put tries again
		}
	}
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// plain is an error of the system without the path, which the store's own name tells.
func plain(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrAbsent
	}
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	if l := (*os.LinkError)(nil); errors.As(err, &l) {
		return l.Err
	}
	return err
}

// Stoppable is a reader that ends with a context.
func Stoppable(ctx context.Context, r io.Reader) io.Reader { return stoppable{ctx, r} }

type stoppable struct {
	ctx context.Context
	io.Reader
}

func (s stoppable) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.Reader.Read(p)
}
