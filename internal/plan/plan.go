// Package plan turns a request into the tasks to run: which packages are meant, which
// script of each, and in which order. It works on the workspace and the configuration
// that it is given, and neither starts nor writes anything.
package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Request is what a target asks for. The pointers are Mage's optional arguments: nil
// means not given.
type Request struct {
	// Dir is the folder to work in. Empty means the working folder.
	Dir string
	// Target is "build", "typecheck", "test", "lint", "clean" or "bundle".
	Target string
	// Mode is how memory is treated; empty means event.Parallel.
	Mode event.Mode
	// Packages selects packages: names, folders or globs, separated by commas.
	Packages *string
	// NoDeps leaves out what the selected packages depend on.
	NoDeps *bool
	// Fix has the linter fix what it can.
	Fix *bool
	// TestPath is passed to the test scripts.
	TestPath *string
}

func given(b *bool) bool { return b != nil && *b }

// Args are what the request adds to the command line of a task's script. Only tasks of
// the requested target get any.
func (r Request) Args(t *taskgraph.Task) (args []string) {
	if t.Target != r.Target {
		return nil
	}
	if r.Target == "test" && r.TestPath != nil {
		args = append(args, *r.TestPath)
	}
	if fixing, _ := script.Find(t.Package, script.LintFix); r.Target == "lint" && given(r.Fix) && t.Script != fixing {
		args = append(args, "--fix")
	}
	return args
}

// Plan is a request with the tasks that it takes.
type Plan struct {
	Request
	Graph *taskgraph.Graph
	// Notices report what the user may not expect: the root's script runs instead of
	// the packages', or does not run; a cycle was broken.
	Notices []event.Notice

	ws     *workspace.Workspace
	config *config.Config
}

// New plans a request. Every error is one that the user can fix.
func New(r Request, ws *workspace.Workspace, c *config.Config) (*Plan, error) {
	p := &Plan{Request: r, ws: ws, config: c}
	var err error
	p.Graph, err = p.tasks()
	return p, err
}

func (p *Plan) notice(kind event.NoticeKind, text string) {
	p.Notices = append(p.Notices, event.Notice{Kind: kind, Text: text})
}

func (p *Plan) tasks() (*taskgraph.Graph, error) {
	selected, named, err := p.selected()
	if err != nil {
		return nil, err
	}
	r := taskgraph.Request{
		Target: p.Target, Selected: selected, NoDeps: given(p.NoDeps), DependsOn: p.dependsOn(),
		Script:   p.script,
		Packages: Packages(p.ws),
	}
	if !slices.ContainsFunc(selected, p.has) {
		if named || p.ws.RootPackage == nil || !p.has(p.ws.RootPackage) {
			return nil, p.noScript(selected, named)
		}
		if !slices.Contains(selected, p.ws.RootPackage) {
			p.notice(event.RootFallback, fmt.Sprintf("No package has a %s script: the root's runs instead", p.Target))
		}
		r.Selected = []*workspace.Package{p.ws.RootPackage}
	} else if !named {
		p.mentionRoot(selected)
	}
	kept, warnings, err := workspace.BreakCycles(r.Ordering())
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		p.notice(event.CycleBroken, w)
	}
	edges := map[*workspace.Package][]*workspace.Package{}
	for _, e := range kept {
		edges[e.From] = append(edges[e.From], e.To)
	}
	r.Edges = func(pkg *workspace.Package) []*workspace.Package { return edges[pkg] }
	return taskgraph.Build(r)
}

// mentionRoot adds a notice that the root's script does not run, if the user may mean
// that one: most packages have none, so the root's may build them all.
func (p *Plan) mentionRoot(selected []*workspace.Package) {
	have := 0
	for _, pkg := range selected {
		if p.has(pkg) {
			have++
		}
	}
	if root := p.ws.RootPackage; root != nil && !slices.Contains(selected, root) && p.has(root) && 2*have < len(selected) {
		verb := "have"
		if have == 1 {
			verb = "has"
		}
		p.notice(event.RootLeftOut, fmt.Sprintf("%d of %d packages %s a %s script; the root's does not run (-workspace=. runs it)", have, len(selected), verb, p.Target))
	}
}

// selected returns the packages that the request asks for, and whether it names them.
// The root of a workspace with members is included only by name.
func (p *Plan) selected() (packages []*workspace.Package, named bool, err error) {
	if p.Request.Packages != nil {
		packages, err = p.ws.Select(*p.Request.Packages)
		return packages, true, err
	}
	if p.Target == "bundle" && p.ws.RootPackage != nil {
		return []*workspace.Package{p.ws.RootPackage}, false, nil
	}
	if len(p.ws.Packages) == 1 {
		return p.ws.Packages, false, nil
	}
	return slices.DeleteFunc(slices.Clone(p.ws.Packages), func(pkg *workspace.Package) bool { return pkg.Dir == "." }), false, nil
}

func (p *Plan) has(pkg *workspace.Package) bool {
	_, ok := p.script(pkg, p.Target)
	return ok
}

// script finds a package's script for a target: the configured one, or the one with the
// same name or a usual synonym.
func (p *Plan) script(pkg *workspace.Package, target string) (string, bool) {
	if name := p.config.TaskFor(pkg.Keys(), target).Script; name != "" {
		_, ok := pkg.Scripts[name]
		return name, ok
	}
	if target == "lint" && given(p.Fix) {
		if name, ok := script.Find(pkg, script.LintFix); ok {
			return name, true
		}
	}
	return script.Find(pkg, target)
}

// dependsOn is the order of tasks: the configuration goes before what the repository
// declares, and that before the defaults.
func (p *Plan) dependsOn() map[string][]string {
	order := taskgraph.DefaultDependsOn()
	maps.Copy(order, p.config.Declared)
	for key, t := range p.config.Tasks {
		if t.DependsOn != nil {
			order[key] = t.DependsOn
		}
	}
	return order
}

// noScript is the error for a target that none of the packages has a script for.
func (p *Plan) noScript(selected []*workspace.Package, named bool) error {
	where, who := "package.json", "no package has a"
	if p.ws.Manager == workspace.Go {
		where = "go.mod"
	}
	if p.Target == "bundle" {
		who = "the root has no" // packages are bundled only by name
	}
	if named {
		where, who = "-workspace="+*p.Request.Packages, "none of these packages has a"
		if len(selected) == 1 {
			where, who = selected[0].Dir, "the package has no"
		}
	}
	from := selected
	if root := p.ws.RootPackage; root != nil && !named && !slices.Contains(selected, root) {
		from = append(slices.Clone(selected), root)
	}
	scripts := map[string]bool{}
	for _, pkg := range from {
		for name := range pkg.Scripts {
			scripts[name] = true
		}
	}
	hint := "none of them has any script"
	switch {
	case p.ws.RootPackage != nil && p.has(p.ws.RootPackage):
		hint = "the root has one: -workspace=. runs it"
	case len(scripts) > 0:
		names := slices.Sorted(maps.Keys(scripts))
		more := ""
		if len(names) > 12 {
			names, more = names[:12], ", …"
		}
		hint = fmt.Sprintf("choose one in heapmage.yaml, with tasks: {%s: {script: NAME}}; there are: %s%s", p.Target, strings.Join(names, ", "), more)
	}
	return &problem.Error{Where: where, What: fmt.Sprintf("%s script for %q", who, p.Target), Hint: hint}
}
