package filetree

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"

	"github.com/heapmage/heapmage/internal/fingerprint"
)

// Target is where a result is put back, and what may be touched there.
type Target struct {
	// Root is the workspace.
	Root *os.Root
	// Have returns the digest of a regular file that is there. Files whose digest is
	// right already are not touched. Nil, or false, means that it is not known.
	Have func(path string) (fingerprint.Digest, bool)
	// May decides whether a file or link that is there may be overwritten or removed, or
	// given another mode, or a folder removed. If one may not, nothing is written. Nil
	// means that nothing may.
	May func(path string) bool
	// Skip reports what stays as it is, whatever that is. Nil skips nothing.
	Skip func(path string) bool
	// Stale are files that the task left earlier and that are no part of the result.
	// They are removed, and folders among them if nothing is left in them. One that
	// cannot be reached without a link is left.
	Stale []string
}

// Result is what was done. If all is zero but Same, everything was there already.
type Result struct {
	// Written are the files, folders and links that were made or replaced. Same are those
	// that were not touched, Moded those of which only the mode was wrong.
	Written, Same, Moded int
	// Removed are the files and folders that were removed and not replaced.
	Removed int
	// Bytes is the content that was written.
	Bytes int64
}

// Take is given each regular file in the order of the list. Its content is written, and
// verified, by write, which is called for those that are needed.
type Take func(f *File, write func(io.Writer) error) error

// Plan is what has to be done to put files back.
type Plan struct {
	files []File
	to    Target
	tree  *tree

	folders map[string]bool        // whether a folder is there, by path; "." too
	listed  map[string]fs.FileMode // the folders of the entry, by path
	remove  []string               // before anything is written, what is inside of a folder first
	content map[string]bool        // the regular files to write
	absent  map[string]bool        // those, and links, in whose place nothing is
	links   map[string]bool        // the links to write
	modes   map[string]fs.FileMode // the modes of what is there with a wrong one
	result  Result                 // Removed and Same
	made    map[string]fs.FileMode // the folders of the entry that were missing, once they are made
	swept   map[string]bool        // folders in which no killed process has left anything
	sealed  map[string]fs.FileMode // folders that must be opened for writing, with their mode
}

// NewPlan finds out what has to be done to put files back, and writes nothing. The error
// is a *Refusal. Close the plan.
func NewPlan(files []File, to Target) (*Plan, error) { return newPlan(files, to, foldsCase) }

func newPlan(files []File, to Target, folds bool) (*Plan, error) {
	if err := Check(files); err != nil {
		return nil, err
	}
	if err := checkHere(files, folds); err != nil {
		return nil, err
	}
	skipped := 0
	if to.Skip != nil {
		all := len(files)
		files = slices.DeleteFunc(slices.Clone(files), func(f File) bool { return to.Skip(f.Path) })
		skipped = all - len(files)
	}
	p := &Plan{files: files, to: to, tree: newTree(to.Root), folders: map[string]bool{".": true}, listed: map[string]fs.FileMode{},
		content: map[string]bool{}, absent: map[string]bool{}, made: map[string]fs.FileMode{}, links: map[string]bool{}, modes: map[string]fs.FileMode{}, sealed: map[string]fs.FileMode{}, swept: map[string]bool{}, result: Result{Same: skipped}}
	for _, f := range files {
		if f.Kind == Folder {
			p.listed[f.Path] = f.Mode
		}
	}
	for i := range files {
		if err := p.file(&files[i]); err != nil {
			p.tree.close()
			return nil, err
		}
	}
	if err := p.stale(folds); err != nil {
		p.tree.close()
		return nil, err
	}
	p.keepSealed()
	return p, nil
}

// there looks at a path. Nothing there is no error.
func (p *Plan) there(name string) (fs.FileInfo, error) {
	f, base, err := p.tree.of(name)
	if err == nil {
		var info fs.FileInfo
		if info, err = f.Lstat(base); err == nil {
			return info, nil
		}
	}
	if missing(err) {
		return nil, nil
	}
	return nil, refuse(Blocked, name, err)
}

// folder reports whether a folder is there. If the entry lists it, what is there instead
// is to be removed.
func (p *Plan) folder(name string) (bool, error) {
	if is, known := p.folders[name]; known {
		return is, nil
	}
	is, err := p.folder(path.Dir(name))
	if err != nil {
		return false, err
	}
	_, listed := p.listed[name]
	if is {
		info, err := p.there(name)
		switch {
		case err != nil:
			return false, err
		case info == nil:
			is = false
		case info.IsDir():
			if listed {
				p.seal(name, info)
			}
		case !listed:
			return false, refuse(Blocked, name, errors.New("it is no folder, and the way to files leads through it"))
		default:
			is = false
			if err := p.clear(name, info); err != nil {
				return false, err
			}
		}
	}
	p.folders[name] = is
	return is, nil
}

// seal remembers a folder in which nothing can be written. It is one of the entry, or is to
// be removed.
func (p *Plan) seal(name string, folder fs.FileInfo) {
	if mode := folder.Mode().Perm(); mode&0o300 != 0o300 && runtime.GOOS != "windows" {
		p.sealed[name] = mode
	}
}

// may returns the miss if a path may not be touched.
func (p *Plan) may(name string) error {
	if p.to.May == nil || !p.to.May(name) {
		return refuse(Blocked, name, nil)
	}
	return nil
}

// clear plans to remove what is at a path, with all that is in it.
func (p *Plan) clear(name string, info fs.FileInfo) error {
	if info.IsDir() {
		p.seal(name, info)
		f, err := p.tree.folder(name)
		if err != nil {
			return refuse(Blocked, name, err)
		}
		list, err := fs.ReadDir(f.FS(), ".")
		if err != nil {
			return refuse(Blocked, name, err)
		}
		for _, e := range list {
			inside := name + "/" + e.Name()
			info, err := p.there(inside)
			if err != nil {
				return err
			}
			if info == nil {
				continue
			}
			if err := p.clear(inside, info); err != nil {
				return err
			}
		}
	}
	p.remove = append(p.remove, name)
	return p.may(name)
}

// file plans what is to be done for a file of the entry.
func (p *Plan) file(f *File) error {
	if f.Kind == Folder {
		is, err := p.folder(f.Path)
		if err != nil || !is {
			return err
		}
		info, err := p.there(f.Path)
		if err != nil || info == nil {
			return err
		}
		return p.mode(f, info)
	}
	is, err := p.folder(path.Dir(f.Path))
	if err != nil {
		return err
	}
	var info fs.FileInfo
	if is {
		if info, err = p.there(f.Path); err != nil {
			return err
		}
	}
	same := info != nil && kindOf(info.Mode()) == f.Kind && p.same(f, info)
	switch {
	case info == nil:
		p.absent[f.Path] = true
	case same && f.Kind == Regular:
		return p.mode(f, info)
	case same:
		p.result.Same++
		return nil
	case info.IsDir():
		err = p.clear(f.Path, info)
	default:
		err = p.may(f.Path)
	}
	if f.Kind == Regular {
		p.content[f.Path] = true
	} else {
		p.links[f.Path] = true
	}
	return err
}

// same reports whether a file or link is there as the entry has it, but for its mode.
func (p *Plan) same(f *File, info fs.FileInfo) bool {
	if f.Kind == Link {
		folder, base, err := p.tree.of(f.Path)
		if err != nil {
			return false
		}
		target, err := folder.Readlink(base)
		return err == nil && target == f.Target
	}
	if p.to.Have == nil || info.Size() != f.Size {
		return false
	}
	sum, known := p.to.Have(f.Path)
	return known && sum == f.Digest
}

// mode plans to set the mode of what is there otherwise.
func (p *Plan) mode(f *File, info fs.FileInfo) error {
	bits := fs.FileMode(0o777)
	if runtime.GOOS == "windows" {
		bits = 0o200 // there is no other
		if info.IsDir() {
			bits = 0
		}
	}
	if info.Mode()&bits == f.Mode&bits {
		p.result.Same++
		return nil
	}
	p.modes[f.Path] = f.Mode
	return p.may(f.Path)
}

// stale plans to remove what is no part of the result any more.
func (p *Plan) stale(folds bool) error {
	key := func(name string) string {
		if folds {
			return folded(name)
		}
		return name
	}
	kept := map[string]bool{}
	for _, f := range p.files {
		for at := f.Path; at != "." && !kept[key(at)]; at = path.Dir(at) {
			kept[key(at)] = true
		}
	}
	for _, name := range p.remove {
		kept[key(name)] = true // that is planned already
	}
	names := slices.Sorted(slices.Values(p.to.Stale))
	// What is inside of a folder comes first.
	for _, name := range slices.Backward(slices.Compact(names)) {
		if checkPath(name) != nil || kept[key(name)] {
			continue
		}
		f, base, err := p.tree.of(name)
		if err != nil {
			continue // it is gone, or a link or a file is on the way
		}
		info, err := f.Lstat(base)
		if err != nil {
			continue
		}
		if info.IsDir() {
			p.seal(name, info)
		} else if err := p.may(name); err != nil {
			return err
		}
		p.remove = append(p.remove, name)
	}
	return nil
}

// keepSealed forgets the folders that cannot be written in which nothing has to be done.
func (p *Plan) keepSealed() {
	busy := map[string]bool{}
	for _, name := range p.remove {
		busy[path.Dir(name)] = true
	}
	for _, f := range p.files {
		if p.content[f.Path] || p.links[f.Path] || f.Kind == Folder && !p.folders[f.Path] {
			busy[path.Dir(f.Path)] = true
		}
	}
	maps.DeleteFunc(p.sealed, func(name string, _ fs.FileMode) bool { return !busy[name] })
}

// Close lets go of the workspace.
func (p *Plan) Close() { p.tree.close() }

// NeedsContent reports whether a regular file has to be written.
func (p *Plan) NeedsContent() bool { return len(p.content) > 0 }

// IsDone reports whether nothing has to be done.
func (p *Plan) IsDone() bool {
	for name := range p.listed {
		if !p.folders[name] {
			return false
		}
	}
	return len(p.remove)+len(p.content)+len(p.links)+len(p.modes) == 0
}
