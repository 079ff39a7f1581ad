package workspace

import (
	"bufio"
	"bytes"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

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
		w.ManagerFrom, w.ManagerVersion, uses = "go.work", work.version, work.uses
	}
	modules := map[*Package]*goFile{}
	for _, use := range uses {
		sub := path.Clean(filepath.ToSlash(use))
		where := path.Join(sub, "go.mod")
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(where)))
		if err != nil {
			return nil, &problem.Error{Where: "go.work", What: fmt.Sprintf("uses %s, which has no go.mod", use), Hint: "mend the \"use\" line, or run `go mod init` there"}
		}
		mod, mistake := parseGoFile(text)
		if mistake == nil && mod.module == "" {
			mistake = &positionError{what: "has no \"module\" line"}
		}
		if mistake != nil {
			return nil, &problem.Error{Where: mistake.at(where), What: mistake.what, Hint: "mend " + where}
		}
		p := &Package{
			Name:         mod.module,
			DeclaredName: mod.module,
			Dir:          sub,
			Path:         filepath.Join(root, filepath.FromSlash(sub)),
			Scripts:      goScripts(root, filepath.Join(root, filepath.FromSlash(sub)), mod),
		}
		modules[p] = mod
		w.Packages = append(w.Packages, p)
		if sub == "." {
			w.RootPackage = p
			if w.ManagerVersion == "" {
				w.ManagerVersion = mod.version
			}
		}
	}
	if len(w.Packages) == 0 {
		return nil, &problem.Error{Where: "go.work", What: "uses no module", Hint: "add one with `go work use DIR`"}
	}
	slices.SortFunc(w.Packages, func(a, b *Package) int { return strings.Compare(a.Dir, b.Dir) })
	for _, lock := range []string{"go.work.sum", "go.sum"} {
		if w.LockFile == "" && isFile(filepath.Join(root, lock)) {
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

// findGoWork returns the folder of the go.work that uses the module in dir, or
// dir itself where none does.
func findGoWork(dir string) (root string, work *goFile, err error) {
	for at := dir; ; at = filepath.Dir(at) {
		if text := optional(at, "go.work"); text != nil {
			file, mistake := parseGoFile(text)
			if mistake != nil {
				return "", nil, &problem.Error{Where: mistake.at("go.work"), What: mistake.what, Hint: "mend " + filepath.Join(at, "go.work")}
			}
			uses := func(use string) bool {
				return filepath.Join(at, filepath.FromSlash(use)) == dir
			}
			if at == dir || slices.ContainsFunc(file.uses, uses) {
				return at, file, nil
			}
		}
		if exists(filepath.Join(at, ".git")) || filepath.Dir(at) == at {
			return dir, nil, nil
		}
	}
}

func giveGoNames(w *Workspace) {
	if w.RootPackage.DeclaredName == "" {
		w.RootPackage.Name = "."
	}
	taken := map[string]bool{}
	for _, p := range w.Packages {
		for taken[p.Name] {
			p.Name += " (" + p.Dir + ")"
		}
		taken[p.Name] = true
	}
}

// goEdges adds an edge for each requirement that is a member. Modules may
// require each other in a circle, since Go builds packages, not modules: such
// requirements count as devDependencies, which may be left out of the order.
func goEdges(w *Workspace, modules map[*Package]*goFile) {
	byName := map[string]*Package{}
	for _, p := range w.Packages {
		byName[p.DeclaredName] = p
	}
	for _, p := range w.Packages {
		for _, name := range modules[p].requires {
			if to := byName[name]; to != nil && to != p {
				p.Dependencies = append(p.Dependencies, Dependency{To: to, Kind: Prod, Spec: name})
			}
		}
		slices.SortFunc(p.Dependencies, func(a, b Dependency) int { return strings.Compare(a.To.Dir, b.To.Dir) })
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

// goList prints the files of the module's packages, one a line, leaving out
// what Go leaves out: nested modules, testdata, vendor, ignored folders.
const goList = `go list -f '{{$d := .Dir}}` +
	`{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .CgoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}` +
	`{{range .TestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}` +
	`{{range .IgnoredGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}' ./...`

// goFiles gives them to a command. xargs cuts at zero bytes, since a path may
// hold spaces; goList ends each entry with a line of its own, which is dropped.
func goFiles(command string) string {
	return goList + ` | sed '/^$/d' | tr '\n' '\0' | xargs -0 ` + command
}

// goScripts are the commands that stand for a module's scripts.
func goScripts(root, dir string, mod *goFile) map[string]string {
	unformatted := `files=$(` + goFiles("gofmt -l") + `) && if [ -n "$files" ]; then echo "not formatted with gofmt:"; echo "$files"; exit 1; fi`
	scripts := map[string]string{
		"build":     "go build ./...",
		"typecheck": "go vet ./...",
		"test":      "go test ./...",
		"lint":      unformatted + " && go vet ./...",
		"lint:fix":  goFiles("gofmt -w") + " && go vet ./...",
		"clean":     "go clean ./...",
	}
	switch {
	case hasAny(root, dir, ".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json"):
		run := goTool(mod, "golangci-lint") + " run"
		scripts["lint"], scripts["lint:fix"] = run+" ./...", run+" --fix ./..."
	case hasAny(root, dir, "staticcheck.conf"):
		check := " && " + goTool(mod, "staticcheck") + " ./..."
		scripts["lint"] += check
		scripts["lint:fix"] += check
	}
	if hasMain(dir) {
		// Without -o, "go build" leaves a program behind where the pattern
		// fits a single package.
		scripts["build"] = "go build -o " + os.DevNull + " ./..."
		scripts["bundle"] = "go build -o bin/ ./..."
	}
	return scripts
}

// goTool is how a linter is started: through "go tool" where go.mod has it.
func goTool(mod *goFile, name string) string {
	for _, tool := range mod.tools {
		if path.Base(tool) == name {
			return "go tool " + name
		}
	}
	return name
}

func hasAny(root, dir string, files ...string) bool {
	return slices.ContainsFunc(files, func(f string) bool {
		return isFile(filepath.Join(dir, f)) || isFile(filepath.Join(root, f))
	})
}

// hasMain tells whether the module has a program of its own that builds here.
func hasMain(dir string) bool {
	found := false
	_ = filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read holds no program for us
		}
		name := e.Name()
		hidden := strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
		if e.IsDir() {
			nested := isFile(filepath.Join(at, "go.mod"))
			if at != dir && (hidden || name == "testdata" || name == "vendor" || name == "node_modules" || nested) {
				return filepath.SkipDir
			}
			return nil
		}
		if hidden || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || !saysMain(at) {
			return nil
		}
		if ok, err := build.Default.MatchFile(filepath.Dir(at), name); ok && err == nil {
			found = true
			return filepath.SkipAll
		}
		return nil
	})
	return found
}

// saysMain reads a Go file up to its package clause.
func saysMain(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if name, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("package ")); ok {
			name, _, _ = bytes.Cut(name, []byte("//"))
			return string(bytes.TrimSpace(name)) == "main"
		}
		if err != nil {
			return false
		}
	}
}
