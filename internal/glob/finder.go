package glob

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Links says what "**" does at a symbolic link to a folder. A pattern that names the
// link's level always follows it. The package managers differ in it.
type Links int

const (
	// Followed takes the linked folder and what is in it (pnpm, yarn 2 and newer).
	Followed Links = iota
	// Taken takes the linked folder itself (npm, yarn 1).
	Taken
	// PassedOver takes neither (bun).
	PassedOver
)

// Finder finds the folders that rules let in. It reads each folder once.
type Finder struct {
	root  string
	links Links
	subs  map[string][]string // the folders in a folder
}

// NewFinder returns a finder of folders below root.
func NewFinder(root string, links Links) *Finder {
	return &Finder{root: root, links: links, subs: map[string][]string{}}
}

// place is a point of the walk: a folder, with what is left of one form of the
// pattern.
type place struct {
	dir  string
	form int
	left int
}

// walk is the search for the folders of one rule.
type walk struct {
	*Finder
	rule  Rule
	seen  map[place]bool
	found map[string]bool
}

// Folders returns the folders that a rule lets in, relative to the root, sorted.
// A pattern without wildcards is returned even if its folder does not exist.
func (f *Finder) Folders(r Rule) []string {
	w := walk{f, r, map[place]bool{}, map[string]bool{}}
	for form, pattern := range r.alternatives {
		w.visit(".", form, pattern)
	}
	return slices.Sorted(maps.Keys(w.found))
}

func (w walk) visit(dir string, form int, pattern []string) {
	at := place{dir, form, len(pattern)}
	if w.seen[at] {
		return
	}
	w.seen[at] = true
	if len(pattern) == 0 {
		if !inNodeModules(dir) && !w.rule.excludes(dir) {
			w.found[dir] = true
		}
		return
	}
	switch segment := pattern[0]; {
	case segment == "**":
		w.visit(dir, form, pattern[1:])
		for _, sub := range w.in(dir) {
			linked, isLink := strings.CutSuffix(sub, "/")
			switch {
			case !enters(path.Base(sub)), isLink && (w.links == PassedOver || w.returns(linked)):
			case !isLink, w.links == Followed:
				w.visit(linked, form, pattern)
			default:
				w.visit(linked, form, pattern[1:])
			}
		}
	case !hasWildcard(segment):
		w.visit(path.Join(dir, segment), form, pattern[1:])
	default:
		for _, sub := range w.in(dir) {
			sub = strings.TrimSuffix(sub, "/")
			if matchName(segment, path.Base(sub)) {
				w.visit(sub, form, pattern[1:])
			}
		}
	}
}

// returns reports whether a link leads to a folder that the walk has come through, or to
// one above it: following it would have no end.
func (f *Finder) returns(link string) bool {
	const separator = string(filepath.Separator)
	target, err := filepath.EvalSymlinks(filepath.Join(f.root, filepath.FromSlash(link)))
	if err != nil {
		return true
	}
	for dir := path.Dir(link); ; dir = path.Dir(dir) {
		passed, err := filepath.EvalSymlinks(filepath.Join(f.root, filepath.FromSlash(dir)))
		if err != nil || strings.HasPrefix(passed+separator, target+separator) {
			return true
		}
		if dir == "." || path.Base(dir) == ".." {
			return false
		}
	}
}

// in returns the folders inside a folder, relative to the root. One that is
// reached through a symbolic link ends in a slash. A folder that cannot be read
// holds none.
func (f *Finder) in(dir string) []string {
	if subs, ok := f.subs[dir]; ok {
		return subs
	}
	var subs []string
	entries, _ := os.ReadDir(filepath.Join(f.root, filepath.FromSlash(dir)))
	for _, e := range entries {
		sub := path.Join(dir, e.Name())
		switch {
		case e.IsDir():
			subs = append(subs, sub)
		case e.Type()&fs.ModeSymlink != 0:
			if info, err := os.Stat(filepath.Join(f.root, filepath.FromSlash(sub))); err == nil && info.IsDir() {
				subs = append(subs, sub+"/")
			}
		}
	}
	f.subs[dir] = subs
	return subs
}
