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

// Sizes are the sizes of packages' sources at one time. Nil holds none.
type Sizes struct {
	root    string
	members map[string]bool // the folders of all packages
	sizes   map[*workspace.Package]memtools.Bytes
}

// Measure takes the sizes of some packages of the workspace at root. The folders
// of other members do not count to the package around them.
func Measure(root string, members, packages []*workspace.Package) *Sizes {
	s := &Sizes{root: root, members: map[string]bool{}, sizes: map[*workspace.Package]memtools.Bytes{}}
	for _, pkg := range members {
		s.members[filepath.Join(root, pkg.Dir)] = true
	}
	work := make(chan *workspace.Package) // closed below, once all are sent
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for pkg := range work {
				size := s.Now(pkg)
				mu.Lock()
				s.sizes[pkg] = size
				mu.Unlock()
			}
		})
	}
	for _, pkg := range packages {
		work <- pkg
	}
	close(work)
	workers.Wait()
	return s
}

// Of is the size that Measure took. It is zero if the package was not measured.
func (s *Sizes) Of(pkg *workspace.Package) memtools.Bytes {
	if s == nil {
		return 0
	}
	return s.sizes[pkg]
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
