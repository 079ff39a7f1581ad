package workspace

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/gomod"
	"github.com/heapmage/heapmage/internal/problem"
)

// loadGo loads the Go workspace of the module in dir: the go.work that uses it,
// or the module alone.
func loadGo(dir string) (*Workspace, error) {
	root, work, err := findGoWork(dir)
	if err != nil {
		return nil, err
	}
	w := &Workspace{Root: root, Manager: Go, ManagerFrom: "go.mod"}
	uses := []string{"."}
	if work != nil {
		w.ManagerFrom, w.ManagerVersion, uses = "go.work", work.Version, work.Uses
	}
	modules := map[*Package]*gomod.File{}
	for _, use := range uses {
		p, mod, err := readModule(root, use)
		if err != nil {
			return nil, err
		}
		modules[p] = mod
		w.Packages = append(w.Packages, p)
		if p.Dir == "." {
			w.RootPackage = p
			if w.ManagerVersion == "" {
				w.ManagerVersion = mod.Version
			}
		}
	}
	if len(w.Packages) == 0 {
		return nil, &problem.Error{Where: "go.work", What: "uses no module", Hint: "add one with `go work use DIR`"}
	}
	slices.SortFunc(w.Packages, byDir)
	for _, lock := range []string{"go.work.sum", "go.sum"} {
		if w.LockFile == "" && folder.HasFile(root, lock) {
			w.LockFile = lock
		}
	}
	if w.RootPackage == nil {
		w.RootPackage = &Package{Dir: ".", Path: root, Scripts: map[string]string{}}
	}
	giveGoNames(w)
	goEdges(w, modules)
	return w, nil
}

// readModule reads the module in a folder that go.work uses.
func readModule(root, use string) (*Package, *gomod.File, error) {
	sub := path.Clean(filepath.ToSlash(use))
	dir := filepath.Join(root, filepath.FromSlash(sub))
	text, err := folder.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, &problem.Error{Where: path.Join(sub, "go.mod"), What: "cannot be read", Cause: err, Hint: folder.Hint(err)}
	}
	if err != nil {
		return nil, nil, &problem.Error{Where: "go.work", What: fmt.Sprintf("uses %s, which has no go.mod", use), Hint: "fix the \"use\" line, or run `go mod init` there"}
	}
	mod, mistake := gomod.Parse(text)
	if mistake == nil && mod.Module == "" {
		mistake = &problem.Mistake{What: "has no \"module\" line"}
	}
	if mistake != nil {
		where := path.Join(sub, "go.mod")
		return nil, nil, &problem.Error{Where: mistake.In(where), What: mistake.What, Hint: "fix " + where}
	}
	return &Package{
		Name:         mod.Module,
		DeclaredName: mod.Module,
		Dir:          sub,
		Path:         dir,
		Scripts:      gomod.Scripts(root, dir, mod),
	}, mod, nil
}

// findGoWork returns the folder of the go.work that uses the module in dir, or
// dir itself if none does.
func findGoWork(dir string) (root string, work *gomod.File, err error) {
	for at := range upwards(dir) {
		text, err := folder.ReadFile(filepath.Join(at, "go.work"))
		if err != nil && at == dir && !errors.Is(err, os.ErrNotExist) {
			return "", nil, &problem.Error{Where: filepath.Join(at, "go.work"), What: "cannot be read", Cause: err, Hint: folder.Hint(err)}
		}
		if err == nil {
			file, mistake := gomod.Parse(text)
			if mistake != nil {
				return "", nil, &problem.Error{Where: mistake.In("go.work"), What: mistake.What, Hint: "fix " + filepath.Join(at, "go.work")}
			}
			uses := func(use string) bool {
				return filepath.Join(at, filepath.FromSlash(use)) == dir
			}
			if at == dir || slices.ContainsFunc(file.Uses, uses) {
				return at, file, nil
			}
		}
	}
	return dir, nil, nil
}

// goEdges adds an edge for each requirement that is a member. Modules may
// require each other in a circle, since Go builds packages, not modules: such
// requirements count as devDependencies, which may be left out of the order.
func goEdges(w *Workspace, modules map[*Package]*gomod.File) {
	byName := map[string]*Package{}
	for _, p := range w.Packages {
		byName[p.DeclaredName] = p
	}
	for _, p := range w.Packages {
		for _, name := range modules[p].Requires {
			if to := byName[name]; to != nil && to != p {
				p.Dependencies = append(p.Dependencies, Dependency{To: to, Kind: Prod, Spec: name})
			}
		}
		slices.SortFunc(p.Dependencies, func(a, b Dependency) int { return byDir(a.To, b.To) })
		p.Dependencies = slices.Compact(p.Dependencies)
	}
	g := newGraph(w.Packages)
	for _, group := range g.components() {
		inside := func(p *Package) bool {
			return slices.ContainsFunc(group, func(n int) bool { return g.nodes[n] == p })
		}
		for _, n := range group {
			for i := range g.nodes[n].Dependencies {
				if d := &g.nodes[n].Dependencies[i]; inside(d.To) {
					d.Kind = Dev
				}
			}
		}
	}
}

func byDir(a, b *Package) int { return strings.Compare(a.Dir, b.Dir) }
