package plan

import (
	"maps"
	"slices"

	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Runs returns a function that reports whether a target runs a script of a package: as one of
// its tasks, before or after one, or because the script of one calls it.
func Runs(in Setting) func(pkg *workspace.Package, name string) bool {
	run := map[*workspace.Package]map[string]bool{}
	add := func(pkg *workspace.Package, name string) {
		if run[pkg] == nil {
			run[pkg] = map[string]bool{}
		}
		for _, name := range append(scripttext.Called(pkg.Scripts, name, true), name) {
			run[pkg]["pre"+name], run[pkg][name], run[pkg]["post"+name] = true, true, true
		}
	}
	for _, target := range slices.Sorted(maps.Keys(declared.DefaultDependsOn())) {
		p := &Plan{Request: Request{Target: target}, targets: []string{target}, Setting: in}
		for _, pkg := range in.Workspace.All() {
			if name, ok := p.script(pkg, target); ok {
				add(pkg, name)
			}
			if name, ok := script.Find(pkg, script.LintFix); ok && target == "lint" {
				add(pkg, name)
			}
		}
		if p.setTasks() != nil || p.Graph == nil {
			continue // it cannot run
		}
		for _, t := range p.Graph.Tasks {
			add(t.Package, t.Script)
		}
	}
	return func(pkg *workspace.Package, name string) bool { return run[pkg][name] }
}
