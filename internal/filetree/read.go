package filetree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
	"unicode/utf8"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/fingerprint"
)

// Reader reads files of a workspace, and notices if one changes. Close it.
type Reader struct {
	tree   *tree
	take   func(io.Reader) (size int64, sum fingerprint.Digest, err error)
	stamps map[string]stamp
	failed error // take's
}

// NewReader returns a reader of the files below root. take is given the content of each
// regular file, and tells what it was.
func NewReader(root *os.Root, take func(io.Reader) (size int64, sum fingerprint.Digest, err error)) *Reader {
	return &Reader{tree: newTree(root), take: take, stamps: map[string]stamp{}}
}

// Close lets go of the workspace.
func (r *Reader) Close() { r.tree.close() }

// Read reads a file of which only the path must be set, and fills in the rest. What is
// set must be what is found. The error is a *Refusal, or take's. What was read counts only
// if Unchanged says so afterwards.
func (r *Reader) Read(f *File) error {
	was, err := r.read(f)
	r.stamps[f.Path] = was
	var refusal *Refusal
	switch {
	case err == nil || r.failed != nil:
		return r.failed
	case errors.As(err, &refusal):
		refusal.Path = f.Path
		return err
	case missing(err) || errors.Is(err, confined.ErrLink):
		return refuse(Unexpected, f.Path, err)
	}
	return refuse(Unreadable, f.Path, err)
}

// Unchanged returns a *Refusal if one of the files has changed since it was read.
func (r *Reader) Unchanged(files []File) error {
	for _, f := range files {
		if now, err := look(r.tree, f.Path); err != nil || now != r.stamps[f.Path] {
			return refuse(Changed, f.Path, err)
		}
	}
	return nil
}

// stamp changes with a file. That of a folder is its type and mode only: others may write
// into it.
type stamp struct {
	mode                           fs.FileMode
	size, modified, changed, inode int64
}

func stampOf(info fs.FileInfo) stamp {
	if info.IsDir() {
		return stamp{mode: info.Mode()}
	}
	inode, changed := identity(info)
	return stamp{info.Mode(), info.Size(), info.ModTime().UnixNano(), changed, inode}
}

// look returns the stamp of a file of the workspace.
func look(t *tree, name string) (stamp, error) {
	f, base, err := t.of(name)
	if err != nil {
		return stamp{}, err
	}
	info, err := f.Lstat(base)
	if err != nil {
		return stamp{}, err
	}
	return stampOf(info), nil
}

// tick is longer than the steps in which file systems tell the time on the usual kernels:
// two changes within one may have the same time.
const tick = 20 * time.Millisecond

// settle waits until a change of the file from now on gives it another stamp.
func (s stamp) settle() {
	if age := time.Since(time.Unix(0, max(s.modified, s.changed))); age > -tick && age < tick {
		time.Sleep(tick - max(age, 0))
	}
}

func (r *Reader) read(f *File) (stamp, error) {
	folder, name, err := r.tree.of(f.Path)
	if err != nil {
		return stamp{}, err
	}
	info, err := folder.Lstat(name)
	if err != nil {
		return stamp{}, err
	}
	was := stampOf(info)
	found := File{Path: f.Path, Kind: kindOf(info.Mode()), Mode: info.Mode().Perm()}
	switch {
	case found.Kind == "" || found.Kind == Regular && info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0:
		return was, refuse(Unsuitable, "", fmt.Errorf("it has the mode %v", info.Mode()))
	case found.Kind == Link:
		found.Mode = 0
		if found.Target, err = folder.Readlink(name); err == nil && !utf8.ValidString(found.Target) {
			err = refuse(Unsuitable, "", errors.New("it leads to a name that is not UTF-8"))
		}
	case found.Kind == Regular:
		was.settle()
		found.Size, found.Digest, err = r.regular(folder, name, was)
	}
	if err != nil {
		return was, err
	}
	if what := f.differs(found); what != "" {
		return was, refuse(Unexpected, "", fmt.Errorf("its %s is another", what))
	}
	*f = found
	return was, nil
}

// regular reads a regular file. Unchanged will tell whether it changed meanwhile.
func (r *Reader) regular(folder *confined.Folder, name string, was stamp) (size int64, sum fingerprint.Digest, err error) {
	file, err := folder.OpenFile(name, os.O_RDONLY)
	if err != nil {
		return 0, sum, err
	}
	defer file.Close()
	// More than it had is not read: the file may grow for ever.
	from := &source{Reader: io.LimitReader(file, was.size+1)}
	size, sum, err = r.take(from)
	if from.err != nil {
		return size, sum, from.err
	}
	if err != nil {
		r.failed = err
		return size, sum, err
	}
	if size != was.size {
		err = refuse(Changed, "", nil)
	}
	return size, sum, err
}

// source remembers why it could not be read.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// differs names what of f is set and is not so in a file that was found, empty if nothing.
func (f *File) differs(found File) string {
	switch {
	case f.Kind != "" && f.Kind != found.Kind:
		return "type"
	case f.Mode != 0 && f.Mode != found.Mode:
		return "mode"
	case f.Target != "" && f.Target != found.Target:
		return "target"
	case f.Size != 0 && f.Size != found.Size, f.Digest != fingerprint.Digest{} && f.Digest != found.Digest:
		return "content"
	}
	return ""
}

// missing reports whether an error means that something is not there.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
