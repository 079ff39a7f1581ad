// Package sources measures how much source text packages have: what a compiler
// has to read, and so the best sign that a package will need more memory than
// before. It reads folders, never the content of a file, and looks at no more
// than 20,000 files of a package.
package sources

import (
	"io/fs"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// extensions are the files that compilers read.
var extensions = []string{".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte", ".astro", ".css", ".scss", ".less", ".go"}

// excluded are folders of what was installed, built or recorded.
var excluded = []string{"node_modules", "dist", "build", "out", "lib", "coverage", "vendor", "target"}

// maxFiles bounds the look at one package.
const maxFiles = 20_000

// Sizes are the sizes of packages' sources, each as it was when it was first asked for. They
// may be used by several goroutines. Nil holds none.
type Sizes struct {
	root    string
	members map[string]bool // the folders of all packages

	mu    sync.Mutex // guards sizes
	sizes map[*workspace.Package]memtools.Bytes
}

// New is the sizes of the packages of the workspace at root. The folders of other members do
// not count to the package around them.
func New(root string, members []*workspace.Package) *Sizes {
	s := &Sizes{root: root, members: map[string]bool{}, sizes: map[*workspace.Package]memtools.Bytes{}}
	for _, pkg := range members {
		s.members[filepath.Join(root, pkg.Dir)] = true
	}
	return s
}

// Measure takes the sizes of many packages at once.
func (s *Sizes) Measure(packages []*workspace.Package) {
	work := make(chan *workspace.Package) // closed below, once all are sent
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for pkg := range work {
				s.Of(pkg)
			}
		})
	}
	for _, pkg := range packages {
		work <- pkg
	}
	close(work)
	workers.Wait()
}

// Of is the size of a package when it was first asked for.
func (s *Sizes) Of(pkg *workspace.Package) memtools.Bytes {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	size, known := s.sizes[pkg]
	s.mu.Unlock()
	if !known {
		size = s.Now(pkg) // unlocked, as it may take a while
		s.mu.Lock()
		s.sizes[pkg] = size
		s.mu.Unlock()
	}
	return size
}

// Now measures a package again: its script may have written sources.
func (s *Sizes) Now(pkg *workspace.Package) memtools.Bytes {
	if s == nil {
		return 0
	}
	return sizeOf(filepath.Join(s.root, pkg.Dir), s.members)
}

// sizeOf sums the sources below dir. What cannot be read does not count.
func sizeOf(dir string, members map[string]bool) memtools.Bytes {
	var sum memtools.Bytes
	files := 0
	_ = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		name := ""
		if d != nil {
			name = d.Name()
		}
		switch {
		case err != nil:
			return nil //nolint:nilerr // what cannot be read does not count
		case d.IsDir() && file != dir && (strings.HasPrefix(name, ".") || slices.Contains(excluded, name) || members[file]):
			return filepath.SkipDir
		case !d.Type().IsRegular() || !slices.Contains(extensions, path.Ext(name)):
			return nil
		}
		if files++; files > maxFiles {
			return filepath.SkipAll
		}
		if info, err := d.Info(); err == nil {
			sum += memtools.Bytes(info.Size())
		}
		return nil
	})
	return sum
}
