// Package plan turns a request into the tasks to run: which packages are meant, which
// script of each, and in which order. It works on the workspace and the configuration
// that it is given, and neither starts nor writes anything.
package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/affected"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/scripttext"
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
	// Since names a commit of Git. Only packages that have changed since, and those that
	// depend on one, are selected.
	Since *string
	// Again is set for a run that follows another one: only what has changed since then
	// runs, with what comes after it.
	Again *affected.Run
	// Exclude leaves out packages that Packages would select, written in the same way.
	Exclude *string
	// Extra are arguments for the scripts of the requested target, as a shell reads them.
	Extra *string
	// Output is what of the scripts' output is printed: "full", "grouped", "errors" or "none".
	Output *string
	// Force runs tasks although their results are known, and keeps the new ones.
	Force *bool
}

// Forced reports whether known results are not used.
func (r Request) Forced() bool { return given(r.Force) }

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

	// Unaffected tells that nothing has to run, as nothing has changed since the commit
	// that the request names. It is empty if something runs.
	Unaffected string

	root rootScript
	Setting
}

// Setting is the workspace that a plan is made for.
type Setting struct {
	Workspace *workspace.Workspace
	Config    *config.Config
	// Declared is what the workspace declares about its tasks.
	Declared *declared.Model
	// Changed are the packages that have changed since the commit or the run that the
	// request names; nil if it names none.
	Changed *affected.Changes
}

// New plans a request. Every error is one that the user can fix.
func New(r Request, in Setting) (*Plan, error) {
	p := &Plan{Request: r, Setting: in}
	for _, s := range in.Declared.Summaries() {
		p.Notices = append(p.Notices, event.Notice{Kind: event.DeclaredRead, Text: s.Text, Hint: s.Hint})
	}
	return p, p.setTasks()
}

func (p *Plan) notice(kind event.NoticeKind, text string) {
	p.Notices = append(p.Notices, event.Notice{Kind: kind, Text: text})
}

func (p *Plan) setTasks() error {
	selected, named, err := p.selected()
	if err != nil {
		return err
	}
	r := taskgraph.Request{
		Target: p.Target, Selected: selected, NoDeps: given(p.NoDeps), Order: p.order,
		Script: p.script, Targets: slices.Sorted(maps.Keys(declared.DefaultDependsOn())),
		Packages: p.Workspace.All(), Writes: p.writes,
	}
	if !slices.ContainsFunc(selected, p.has) {
		if named || p.Workspace.RootPackage == nil || !p.has(p.Workspace.RootPackage) {
			return p.noScript(selected, named)
		}
		if !slices.Contains(selected, p.Workspace.RootPackage) {
			p.notice(event.RootFallback, fmt.Sprintf("No package has a %s script: the root's runs instead", p.Target))
		}
		r.Selected = []*workspace.Package{p.Workspace.RootPackage}
	}
	kept, warnings, err := workspace.BreakCycles(r.Ordering())
	if err != nil {
		return err
	}
	for _, w := range warnings {
		p.notice(event.CycleBroken, w)
	}
	edges := map[*workspace.Package][]*workspace.Package{}
	for _, e := range kept {
		edges[e.From] = append(edges[e.From], e.To)
	}
	r.Edges = func(pkg *workspace.Package) []*workspace.Package { return edges[pkg] }
	if r.Selected, err = p.affected(r); err != nil {
		return err
	}
	if p.Graph, err = taskgraph.Build(r); err != nil {
		return err
	}
	if len(p.Graph.Tasks) == 0 {
		return nil
	}
	if g := p.Graph; len(g.LeftOut) > 0 {
		p.notice(event.TaskLeftOut, fmt.Sprintf("Left out, because they never end: %s (others name them in \"with\")", strings.Join(g.LeftOut, ", ")))
	}
	if g := p.Graph; len(g.Contrary) > 0 {
		p.notice(event.OrderLeftOut, fmt.Sprintf("Not ordered, because the declared order is the other way round: %s", problem.ShortList(g.Contrary, mostContrary)))
	}
	gone := p.absorb()
	if p.Again != nil {
		p.keepAffected(gone)
	}
	p.findRootScript()
	if !named {
		p.mentionRoot(selected)
	}
	p.mentionRunners()
	return nil
}

// absorb leaves out the tasks that the scripts of others have run in any case, and returns
// them with those others.
func (p *Plan) absorb() (gone map[*taskgraph.Task]*taskgraph.Task) {
	gone = p.Graph.Absorb(func(t *taskgraph.Task) []string { return p.Declared.Task(t.Package, t.Target, t.Script).Reruns })
	var said []string
	for inner, outer := range gone {
		said = append(said, fmt.Sprintf("%s (by %s)", inner.ID, outer.ID))
	}
	if slices.Sort(said); len(said) > 0 {
		p.notice(event.TaskLeftOut, "Run by the scripts of other packages: "+problem.ShortList(said, 6))
	}
	return gone
}

// mostContrary is how many orders that are left out a line names.
const mostContrary = 3

// selected returns the packages that the request asks for, and whether it names them.
// The root of a workspace with members is included only by name, or if its task is
// declared beside those of the members.
func (p *Plan) selected() (packages []*workspace.Package, named bool, err error) {
	if p.Request.Packages != nil {
		packages, err = p.Workspace.Select(*p.Request.Packages)
		return packages, true, err
	}
	if p.Target == "bundle" && p.Workspace.RootPackage != nil {
		return []*workspace.Package{p.Workspace.RootPackage}, false, nil
	}
	if len(p.Workspace.Packages) == 1 {
		return p.Workspace.Packages, false, nil
	}
	return slices.DeleteFunc(p.Workspace.All(), func(pkg *workspace.Package) bool { return pkg.Dir == "." && !p.rootTask() }), false, nil
}

func (p *Plan) rootTask() bool {
	return slices.ContainsFunc(script.Names(p.Target), p.Declared.RootTask)
}

func (p *Plan) has(pkg *workspace.Package) bool {
	_, ok := p.script(pkg, p.Target)
	return ok
}

// script finds a package's script for a target: the configured one, or the one with the
// same name or a usual synonym. If that only runs another, and a runner's file declares the
// other alone, it is the other: else both would run, and at once.
func (p *Plan) script(pkg *workspace.Package, target string) (string, bool) {
	if name := p.Config.TaskFor(pkg.Keys(), target).Script; name != "" {
		_, ok := pkg.Scripts[name]
		return name, ok
	}
	if target == "lint" && given(p.Fix) {
		if name, ok := script.Find(pkg, script.LintFix); ok {
			return name, true
		}
	}
	name, ok := script.Find(pkg, target)
	if same, is := scripttext.Alias(pkg.Scripts, name); is && p.Declared.Knows(pkg, same) && !p.Declared.Knows(pkg, name) {
		name = same
	}
	return name, ok && !p.Declared.Excludes(pkg, name)
}

// task returns what is declared of a target of a package: of the script that runs for
// it, or of those that could.
func (p *Plan) task(pkg *workspace.Package, target string) declared.Task {
	if name, ok := p.script(pkg, target); ok {
		return p.Declared.Task(pkg, target, name)
	}
	return p.Declared.Task(pkg, target, script.Names(target)...)
}

// noScript is the error for a target that none of the packages has a script for.
func (p *Plan) noScript(selected []*workspace.Package, named bool) error {
	where, who := "package.json", "no package has a"
	if p.Workspace.Manager == workspace.Go {
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
	if root := p.Workspace.RootPackage; root != nil && !named && !slices.Contains(selected, root) {
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
	case p.Workspace.RootPackage != nil && p.has(p.Workspace.RootPackage):
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
