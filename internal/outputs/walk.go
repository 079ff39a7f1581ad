package outputs

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// walk calls visit for everything below the folders of the patterns that is no folder
// and matches. Its names are relative to the package's folder, with slashes. Nothing is
// reached through a link. complete is false if a folder could not be read.
func (s Set) walk(root *os.Root, visit func(name string, d fs.DirEntry) error) (complete bool, err error) {
	intoInstalled := slices.ContainsFunc(s.Patterns, func(pattern string) bool { return strings.Contains(pattern, installed) })
	complete = true
	for _, base := range s.bases() {
		if !s.enters(root, base) {
			continue
		}
		err := fs.WalkDir(root.FS(), base, func(name string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil // it has just gone
			case err != nil:
				complete = false
				return nil //nolint:nilerr // the caller learns that the walk is not complete
			case d.IsDir() && name != base && (s.isMember(s.path(name)) || slices.Contains(never, d.Name()) || d.Name() == installed && !intoInstalled):
				return fs.SkipDir
			case d.IsDir() || !s.Match(name):
				return nil
			}
			return visit(name, d)
		})
		if err != nil {
			return false, err
		}
	}
	return complete, nil
}

func (s Set) path(name string) string { return filepath.Join(s.Dir, filepath.FromSlash(name)) }

// bases are the folders, or files, below which the patterns match: "dist" for
// "dist/**". None is inside of another.
func (s Set) bases() []string {
	var all []string
	for _, pattern := range s.Patterns {
		if strings.HasPrefix(pattern, "!") {
			continue
		}
		base := path.Clean(pattern)
		if strings.ContainsAny(base, `*?[{\`) {
			base, _ = doublestar.SplitPattern(base)
		}
		if fs.ValidPath(base) {
			all = append(all, base)
		}
	}
	slices.Sort(all)
	var kept []string
	for _, base := range slices.Compact(all) {
		inside := func(outer string) bool { return outer == "." || strings.HasPrefix(base, outer+"/") }
		if !slices.ContainsFunc(kept, inside) {
			kept = append(kept, base)
		}
	}
	return kept
}

// enters reports whether a base is there and may be walked: neither a link, nor
// another package, nor a folder without outputs is on the way to it.
func (s Set) enters(root *os.Root, base string) bool {
	for at, rest := ".", base; rest != "." && rest != ""; {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		at = path.Join(at, part)
		info, err := root.Lstat(at)
		if err != nil || info.Mode()&fs.ModeSymlink != 0 || s.isMember(s.path(at)) || slices.Contains(never, part) {
			return false
		}
	}
	return true
}
