package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/heapmage/heapmage"

// source is the module's code, read and type-checked once for all guards.
type source struct {
	fset     *token.FileSet
	packages []*pkg // dependencies first

	byPath  map[string]*pkg
	foreign types.Importer
	// interfaces are those of other modules and the standard library.
	interfaces []*types.Interface
}

// pkg is one package of the module.
type pkg struct {
	name string // its path below the module's

	ImportPath, Dir                                    string
	GoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string

	files         []*ast.File // of this system, without tests
	ignored       []*ast.File // of other systems: parsed, not type-checked
	own, external []*ast.File // tests in the package and beside it
	types         *types.Package
	info          *types.Info
	tests         []checked
}

// imports are the paths that the package imports on any system, tests apart.
func (p *pkg) imports() []string {
	var paths []string
	for _, f := range slices.Concat(p.files, p.ignored) {
		for _, i := range f.Imports {
			paths = append(paths, unquoted(i))
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// checked is a set of test files and what its identifiers stand for.
type checked struct {
	files []*ast.File
	info  *types.Info
}

// load is shared by the guards, since it takes about a second.
var load = sync.OnceValues(func() (*source, error) {
	if err := dependOnTree("../.."); err != nil {
		return nil, err
	}
	var all []*pkg
	err := goList(&all, "-json=ImportPath,Dir,GoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles", module+"/...")
	if err != nil {
		return nil, err
	}
	return newSource(all)
})

// dependOnTree opens the folders below dir, so that go test does not answer from
// its cache after a package was added: it does not see what go list reads.
func dependOnTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "node_modules" || name == "testdata" || path != dir && strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		return nil
	})
}

// newSource reads and checks the packages, of which the file names are known.
func newSource(all []*pkg) (*source, error) {
	s := &source{fset: token.NewFileSet(), byPath: map[string]*pkg{}}
	foreign := map[string]bool{}
	for _, name := range alwaysImported {
		foreign[name] = true
	}
	for _, p := range all {
		p.name = strings.TrimPrefix(p.ImportPath, module+"/")
		s.byPath[p.ImportPath] = p
		if err := p.parse(s.fset); err != nil {
			return nil, err
		}
		for _, f := range slices.Concat(p.files, p.own, p.external) {
			for _, i := range f.Imports {
				if path := unquoted(i); path != "unsafe" && !isOurs(path) {
					foreign[path] = true
				}
			}
		}
	}
	if err := s.importForeign(slices.Sorted(maps.Keys(foreign))); err != nil {
		return nil, err
	}
	for _, p := range all {
		if _, err := s.Import(p.ImportPath); err != nil {
			return nil, err
		}
	}
	for _, p := range all {
		s.checkTests(p)
	}
	return s, nil
}

func unquoted(i *ast.ImportSpec) string { return strings.Trim(i.Path.Value, "\"`") }

func isOurs(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

func loaded(t *testing.T) *source {
	t.Helper()
	s, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// goList decodes what go list prints for the arguments into the slice at into.
func goList[T any](into *[]T, arguments ...string) error {
	out, err := exec.Command("go", append([]string{"list"}, arguments...)...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return fmt.Errorf("go list: %w\n%s", err, exit.Stderr)
	} else if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var one T
		if err := dec.Decode(&one); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		*into = append(*into, one)
	}
}

// alwaysImported are packages that call methods of values through interfaces,
// even if the package that declares the method does not import them.
var alwaysImported = []string{"encoding", "encoding/json", "errors", "fmt", "io", "sort"}

// importForeign reads the packages of other modules and of the standard library
// from the compiler's export data, which the build cache keeps.
func (s *source) importForeign(paths []string) error {
	var exports []struct{ ImportPath, Export string }
	if err := goList(&exports, append([]string{"-deps", "-export", "-json=ImportPath,Export"}, paths...)...); err != nil {
		return err
	}
	files := map[string]string{}
	for _, e := range exports {
		files[e.ImportPath] = e.Export
	}
	s.foreign = importer.ForCompiler(s.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
	s.interfaces = errorInterfaces()
	for _, path := range paths {
		imported, err := s.foreign.Import(path)
		if err != nil {
			return err
		}
		s.interfaces = append(s.interfaces, interfacesOf(imported)...)
	}
	return nil
}

// errorInterfaces are error, and those by which package errors looks into one:
// it does not declare them.
func errorInterfaces() []*types.Interface {
	err := types.Universe.Lookup("error").Type()
	method := func(name string, parameter, result types.Type) *types.Interface {
		variable := func(t types.Type) *types.Tuple {
			if t == nil {
				return nil
			}
			return types.NewTuple(types.NewVar(token.NoPos, nil, "", t))
		}
		signature := types.NewSignatureType(nil, nil, nil, variable(parameter), variable(result), false)
		return types.NewInterfaceType([]*types.Func{types.NewFunc(token.NoPos, nil, name, signature)}, nil).Complete()
	}
	boolean := types.Typ[types.Bool]
	return []*types.Interface{
		err.Underlying().(*types.Interface),
		method("Unwrap", nil, err),
		method("Unwrap", nil, types.NewSlice(err)),
		method("Is", err, boolean),
		method("As", types.Universe.Lookup("any").Type(), boolean),
	}
}

func interfacesOf(p *types.Package) (all []*types.Interface) {
	for _, name := range p.Scope().Names() {
		if t, ok := p.Scope().Lookup(name).(*types.TypeName); ok {
			if i, ok := t.Type().Underlying().(*types.Interface); ok {
				all = append(all, i)
			}
		}
	}
	return all
}

func (p *pkg) parse(fset *token.FileSet) (err error) {
	for _, set := range []struct {
		into  *[]*ast.File
		names []string
	}{{&p.files, p.GoFiles}, {&p.ignored, p.IgnoredGoFiles}, {&p.own, p.TestGoFiles}, {&p.external, p.XTestGoFiles}} {
		if *set.into, err = parseFiles(fset, p.Dir, set.names); err != nil {
			return err
		}
	}
	return nil
}

func parseFiles(fset *token.FileSet, dir string, names []string) (files []*ast.File, err error) {
	for _, name := range names {
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// Import checks the module's packages from their source, those that they import
// first: then an object is the same one in each package that uses it.
func (s *source) Import(path string) (*types.Package, error) {
	p, ours := s.byPath[path]
	if !ours {
		return s.foreign.Import(path)
	}
	if p.types != nil {
		return p.types, nil
	}
	var err error
	if p.types, p.info, err = s.check(path, p.files, s); err != nil {
		return nil, err
	}
	s.packages = append(s.packages, p)
	return p.types, nil
}

func (s *source) check(path string, files []*ast.File, from types.Importer) (*types.Package, *types.Info, error) {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
	var first error
	config := types.Config{Importer: from, Error: func(err error) {
		if first == nil {
			first = err
		}
	}}
	checked, _ := config.Check(path, s.fset, files, info)
	return checked, info, first
}

// testImporter gives external tests their own package with what its tests export.
type testImporter struct {
	*source
	path string
	with *types.Package
}

func (i testImporter) Import(path string) (*types.Package, error) {
	if path == i.path {
		return i.with, nil
	}
	return i.source.Import(path)
}

// checkTests checks the tests of p. Their type errors do not count: a package
// that imports p knows p without its tests, so the types of the two may differ.
func (s *source) checkTests(p *pkg) {
	with := p.types
	if len(p.own) > 0 {
		var info *types.Info
		with, info, _ = s.check(p.ImportPath, slices.Concat(p.files, p.own), s)
		p.tests = append(p.tests, checked{p.own, info})
	}
	if len(p.external) > 0 {
		_, info, _ := s.check(p.ImportPath+"_test", p.external, testImporter{s, p.ImportPath, with})
		p.tests = append(p.tests, checked{p.external, info})
	}
}

// report fails for each fault.
func report(t *testing.T, faults []string) {
	t.Helper()
	slices.Sort(faults)
	for _, fault := range faults {
		t.Error(fault)
	}
}
