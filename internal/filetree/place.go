package filetree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"

	"github.com/heapmage/heapmage/internal/confined"
)

// Do does it. contents calls take for each regular file in the order of the list; it may be
// nil if no content is needed. If it fails, some files may be in their places, each of them
// whole and right.
//
// Each file is written beside the one that it replaces and then renamed, in the order of
// the list; so their times are in that order too. Folders that are missing are made.
func (p *Plan) Do(contents func(take Take) error) (Result, error) {
	err := p.unseal()
	if err == nil {
		err = p.removeAll()
	}
	if err == nil {
		err = p.writeAll(contents)
	}
	return p.result, errors.Join(err, p.setModes(err == nil))
}

// unseal makes folders writable in which something has to be done, for as long as this
// lasts.
func (p *Plan) unseal() error {
	for _, name := range slices.Sorted(maps.Keys(p.sealed)) { // one may be in another
		if err := p.chmod(name, p.sealed[name]|0o700); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) chmod(name string, mode fs.FileMode) error {
	f, base, err := p.tree.of(name)
	if err != nil {
		return err
	}
	// Chmod follows links, but not out of the folder.
	info, err := f.Lstat(base)
	switch {
	case err != nil || info.Mode()&fs.ModeSymlink != 0:
		return errors.Join(fmt.Errorf("%s: it changed while it was put back", name), err)
	case info.Mode()&^fs.ModeType == mode:
		return nil // most folders are made with it
	}
	return f.Chmod(base, mode)
}

// removeAll removes what is in the way, and what is stale. What came meanwhile is not
// removed.
func (p *Plan) removeAll() error {
	if len(p.remove) == 0 {
		return nil // the folders that are open stay so
	}
	listed := map[string]bool{}
	for _, f := range p.files {
		listed[f.Path] = true
	}
	for _, name := range p.remove {
		p.tree.forget(0) // it may be one of the open ones
		f, base, err := p.tree.of(name)
		if err == nil {
			err = f.Remove(base)
		}
		if err == nil {
			delete(p.sealed, name)
		}
		switch {
		case err == nil && !listed[name]:
			p.result.Removed++
		case err == nil, missing(err), slices.Contains(p.to.Stale, name) && p.isFolder(name):
		default:
			return fmt.Errorf("%s: %w", name, plain(err))
		}
	}
	p.tree.forget(0)
	return nil
}

// isFolder reports whether a folder is there: one that is not empty stays.
func (p *Plan) isFolder(name string) bool {
	info, err := p.there(name)
	return err == nil && info != nil && info.IsDir()
}

// writeAll makes folders, links and files, in this order.
func (p *Plan) writeAll(contents func(take Take) error) error {
	in := func(name string) (*confined.Folder, error) {
		f, err := p.makeFolder(name)
		if err == nil && !p.swept[name] {
			p.swept[name] = true
			sweep(f)
		}
		return f, err
	}
	for _, f := range p.files {
		if f.Kind != Folder {
			continue
		}
		if _, err := p.makeFolder(f.Path); err != nil {
			return fmt.Errorf("%s: %w", f.Path, plain(err))
		}
	}
	for i := range p.files {
		f := &p.files[i]
		if !p.links[f.Path] {
			continue
		}
		folder, err := in(path.Dir(f.Path))
		if err == nil {
			err = p.replace(folder, f, func(temp string) error { return folder.Symlink(f.Target, temp) })
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, plain(err))
		}
	}
	if len(p.content) == 0 {
		return nil
	}
	return contents(func(f *File, fill func(io.Writer) error) error {
		if !p.content[f.Path] {
			return nil
		}
		folder, err := in(path.Dir(f.Path))
		if err == nil {
			err = p.replace(folder, f, func(temp string) error { return write(folder, temp, f, fill) })
		}
		return plain(err)
	})
}

// makeFolder opens a folder, and makes what is missing on the way.
func (p *Plan) makeFolder(name string) (*confined.Folder, error) {
	if f, err := p.tree.folder(name); err == nil || !missing(err) {
		return f, err
	}
	up, err := p.makeFolder(path.Dir(name))
	if err != nil {
		return nil, err
	}
	err = up.Mkdir(path.Base(name), 0o755)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	p.swept[name] = err == nil
	if mode, listed := p.listed[name]; listed {
		p.made[name] = mode
		p.result.Written++
	}
	return p.tree.folder(name)
}

// replace puts a file or link in its place. prepare makes it under another name.
func (p *Plan) replace(folder *confined.Folder, f *File, prepare func(temp string) error) error {
	temp, name := newTemp(), path.Base(f.Path)
	err := prepare(temp)
	if err == nil && p.absent[f.Path] {
		if _, now := folder.Lstat(name); !missing(now) {
			err = errors.New("something was put there meanwhile")
		}
	}
	if err == nil {
		err = folder.Rename(temp, name)
	}
	if err != nil {
		_ = folder.Remove(temp) // a later run removes it
		return err
	}
	p.result.Written++
	p.result.Bytes += f.Size
	return nil
}

// write writes a file with its mode, if its content is right.
func write(folder *confined.Folder, temp string, f *File, fill func(io.Writer) error) error {
	file, err := folder.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	if err = fill(file); err == nil {
		err = file.Chmod(f.Mode)
	}
	return errors.Join(err, file.Close())
}

// setModes sets the modes of folders last, as nothing can be written into some of them
// then, and those of files where only they were wrong. If something failed, only what was
// done so far is completed.
func (p *Plan) setModes(all bool) error {
	modes := maps.Clone(p.sealed)
	maps.Copy(modes, p.made)
	if all {
		maps.Copy(modes, p.modes)
	}
	var failed error
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(modes))) {
		if err := p.chmod(name, modes[name]); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", name, plain(err)))
		} else if _, planned := p.modes[name]; planned {
			p.result.Moded++
		}
	}
	return failed
}

// plain takes the path off an error that is given another.
func plain(err error) error {
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
