// Package plan turns a request into the tasks to run: which packages are meant, which
// script of each, and in which order. It works on the workspace and the configuration
// that it is given, and neither starts nor writes anything.
package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

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
	// Target is "build", "typecheck", "test", "lint", "clean", "bundle", or the name of a
	// script; several are separated by commas. Empty is a mistake.
	Target string
	// Mode is how memory is treated; empty means event.Parallel.
	Mode event.Mode
	// Packages selects packages, in the language of package selection. Not given, it is those
	// of the folder in which the user is.
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
	// Extra are arguments for the scripts of the requested target in the selected packages:
	// words, in which quotes and backslashes are as in a shell. Nothing is expanded.
	Extra *string
	// Output is what of the scripts' output is printed: "full", "grouped", "errors" or "none".
	Output *string
	// Shard is the part of a plan that runs, such as "2/4", and ShardPlan the plan's file. Only
	// that part runs, whatever else could.
	Shard, ShardPlan *string
	// Force runs tasks although their results are known, and keeps the new ones.
	Force *bool
}

// Forced reports whether known results are not used.
func (r Request) Forced() bool { return given(r.Force) }

func given(b *bool) bool { return b != nil && *b }

// args are what the request adds to the command line of a task's script. extra are the words
// of Extra. Only tasks that were asked for get any.
func (r Request) args(t *taskgraph.Task, extra []string) (args []string) {
	if !t.Wanted {
		return nil
	}
	if t.Target == "test" && r.TestPath != nil {
		args = append(args, *r.TestPath)
	}
	if fixing, _ := script.Find(t.Package, script.LintFix); t.Target == "lint" && given(r.Fix) && t.Script != fixing {
		args = append(args, "--fix")
	}
	return append(args, extra...)
}

// words are those of Extra.
func (r Request) words() ([]string, error) {
	if r.Extra == nil {
		return nil, nil
	}
	words, err := shellquote.Split(*r.Extra)
	if err == nil {
		return words, nil
	}
	what := "a quote is not closed"
	if errors.Is(err, shellquote.UnterminatedEscapeError) {
		what = "nothing follows the last backslash"
	}
	return nil, &problem.Error{Where: "-args=" + *r.Extra, What: what, Hint: `write it as in a shell, such as -args="--grep 'two words'"`}
}

// Plan is a request with the tasks that it takes.
type Plan struct {
	Request
	Graph *taskgraph.Graph
	// Notices report what the user may not expect: the root's script runs instead of
	// the packages', or does not run; a cycle was broken.
	Notices []event.Notice

	// Unaffected tells that nothing has to run, as nothing has changed since the commit
	// that the request names, or no package is left. It is empty if something runs.
	Unaffected string

	// targets are those of the request, each once.
	targets []string
	// root is the root's build script.
	root rootScript
	Setting
}

// Setting is the workspace that a plan is made for.
type Setting struct {
	Workspace *workspace.Workspace
	Config    *config.Config
	// Declared is what the workspace declares about its tasks.
	Declared *declared.Model
	// Folder is where the user is, relative to the workspace, with slashes. Empty means the root.
	Folder string
	// Changed are the packages that have changed since the commit or the run that the
	// request names; nil if it names none.
	Changed *affected.Changes
	// Part is what runs of the tasks, as a plan has it that several machines share; nil if
	// all run.
	Part *Part
	// Reads tells what tasks are known to read, for Changed; nil if nothing is known.
	Reads func(*taskgraph.Graph) (mayRead func(pkg *workspace.Package, files []string) bool)
	// Between returns what has changed in a range that a selection names; see package
	// affected. Nil means that none can be named.
	Between func(where, from, to string) (*affected.Changes, error)
}

// New plans a request. Every error is one that the user can fix.
func New(r Request, in Setting) (*Plan, error) {
	p := &Plan{Request: r, Setting: in}
	var err error
	if p.targets, err = p.targetsOf(r.Target); err != nil {
		return nil, err
	}
	p.Target = TargetName(r.Target)
	for _, s := range in.Declared.Summaries() {
		p.Notices = append(p.Notices, event.Notice{Kind: event.DeclaredRead, Text: s.Text, Hint: s.Hint})
	}
	return p, p.setTasks()
}

func (p *Plan) notice(kind event.NoticeKind, text string) {
	p.Notices = append(p.Notices, event.Notice{Kind: kind, Text: text})
}

func (p *Plan) setTasks() error {
	p.Graph = &taskgraph.Graph{}
	extra, err := p.words()
	if err != nil {
		return err
	}
	asked, err := p.choose()
	if err != nil || p.Unaffected != "" {
		return err
	}
	r := taskgraph.Request{
		NoDeps: given(p.NoDeps), Order: p.order, Script: p.script, Targets: targets,
		Packages: p.Workspace.All(), Writes: p.writes,
	}
	for _, c := range asked {
		runs, err := p.runsIn(c)
		if err != nil && c.varies { // others may have the script after another change
			continue
		}
		if err != nil {
			return err
		}
		r.Wanted = append(r.Wanted, taskgraph.Wanted{Target: c.target, Packages: runs})
	}
	if len(r.Wanted) == 0 {
		p.Unaffected = fmt.Sprintf("Nothing to %s: of %s in %s none has a script for it", p.Target, packages(len(asked[0].packages)), asked[0].where)
		return nil
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
	if r.Wanted, err = p.affected(r); err != nil {
		return err
	}
	if p.Graph, err = taskgraph.Build(r); err != nil {
		return err
	}
	if len(p.Graph.Tasks) == 0 {
		if p.Unaffected == "" {
			return p.noScript(asked[0])
		}
		return nil
	}
	if err := p.refuseEndless(extra); err != nil {
		return err
	}
	for _, t := range p.Graph.Tasks {
		if p.Part != nil {
			t.Wanted = p.Part.Tasks[t.ID]
		}
		t.Args = p.args(t, extra)
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
	if p.Part != nil {
		if err := p.keepPart(); err != nil {
			return err
		}
	}
	for _, c := range asked {
		root := p.findRootScript(c.target)
		if c.target == "build" {
			p.root = root
		}
		if !c.named {
			p.mentionRoot(root, c.packages)
		}
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

// runsIn are the packages in which a target is to run: those that are selected, or the root
// if none of them has a script for it.
func (p *Plan) runsIn(c choice) ([]*workspace.Package, error) {
	has := func(pkg *workspace.Package) bool { return p.has(pkg, c.target) }
	if slices.ContainsFunc(c.packages, has) {
		return c.packages, nil
	}
	root := p.Workspace.RootPackage
	switch {
	case !c.named && root != nil && has(root):
		if !slices.Contains(c.packages, root) {
			p.notice(event.RootFallback, fmt.Sprintf("No package has a %s script: the root's runs instead", c.target))
		}
		return []*workspace.Package{root}, nil
	case !isTarget(c.target) && slices.Contains(p.Declared.Names(), c.target): // it may only name others that come first
		return c.packages, nil
	}
	return nil, p.noScript(c)
}

func (p *Plan) has(pkg *workspace.Package, target string) bool {
	_, ok := p.script(pkg, target)
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
