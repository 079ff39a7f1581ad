package declared

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/nxfile"
	"github.com/heapmage/heapmage/internal/workspace"
)

// nx is the configuration of Nx: nx.json, each package's project.json, and "nx" in its
// package.json. What plugins infer from other files is not seen.
type nx struct {
	silent
	root     *nxfile.Root
	ws       *workspace.Workspace
	projects map[string]*nxProject         // by the folder of each package of which they say something, and of a root that is a member
	renamed  map[string]*workspace.Package // by the name that a file of Nx gives
	atOnce   Setting[int]
	foreign  []string // tasks that run by executors
	example  string   // a script that runs the first of them

	usesInputs bool // tasks are not observed, and their results are kept
}

// nxProject is what one package has.
type nxProject struct {
	*nxfile.Project
	merged map[string]nxfile.Merged
}

// noProject is one of which no file of Nx says anything.
var noProject = &nxfile.Project{}

// readNx reads the files of a workspace, and adds the dependencies that they declare to
// its packages. It returns nil if the root has no nx.json.
func readNx(ws *workspace.Workspace) (source, error) {
	root, err := nxfile.ReadRoot(ws.Root)
	if root == nil || err != nil {
		return nil, err
	}
	n := &nx{root: root, ws: ws, projects: map[string]*nxProject{}, renamed: map[string]*workspace.Package{}}
	if root.Parallel != nil {
		if n.atOnce, err = concurrencyOf(root.Document, *root.Parallel); err != nil {
			return nil, err
		}
	}
	for _, pkg := range ws.Packages {
		p, err := nxfile.ReadProject(ws.Root, pkg)
		if err != nil {
			return nil, err
		}
		if p == nil && pkg.Dir != "." {
			continue
		}
		if p == nil {
			p = noProject
		}
		n.projects[pkg.Dir] = &nxProject{p, root.Merge(p, pkg.Scripts)}
		if p.Name != "" {
			n.renamed[p.Name] = pkg
		}
	}
	for _, pkg := range ws.Packages {
		n.addDependencies(ws, pkg)
		n.addScripts(ws, pkg)
	}
	slices.Sort(n.foreign)
	return n, nil
}

func (n *nx) concurrency() Setting[int] { return n.atOnce }

// called returns the package of a project by its name, or nil.
func (n *nx) called(project string) *workspace.Package {
	return cmp.Or(n.renamed[project], n.ws.Named(project))
}

// project is what the files of Nx say of a package.
func (n *nx) project(pkg *workspace.Package) *nxfile.Project {
	if p := n.projects[pkg.Dir]; p != nil {
		return p.Project
	}
	return noProject
}

// target returns a package's target; has is false if there is no such one.
func (n *nx) target(pkg *workspace.Package, name string) (target nxfile.Merged, has bool) {
	p := n.projects[pkg.Dir]
	switch _, script := pkg.Scripts[name]; {
	case p != nil:
		target, has = p.merged[name]
	case script && pkg.Dir != ".": // that root is no member
		target, has = n.root.MergeOne(noProject, name, script)
	}
	return target, has
}

// excludes is true for a script that "includedScripts" leaves out.
func (n *nx) excludes(pkg *workspace.Package, name string) bool {
	p := n.project(pkg)
	return p.Included != nil && !slices.Contains(p.Included, name) && len(p.Targets[name]) == 0
}

func (n *nx) names() (names []string) {
	for _, p := range n.projects {
		names = slices.AppendSeq(names, maps.Keys(p.Targets))
	}
	return names
}

func (n *nx) summary() string {
	return summaryOf(n.root.Path, 0, part{"not obeyed", n.root.Other}, part{"run by an executor, not by heapmage", n.foreign},
		part{"inputs that are not understood, so that all files of a package count", n.unknownInputs()})
}

// task is what all files say of a target.
func (n *nx) task(pkg *workspace.Package, name string) (Task, bool) {
	if pkg.Dir == "." && n.projects["."] == nil {
		return Task{}, false // it is no member
	}
	merged, has := n.target(pkg, name)
	if !has { // nx looks beyond it for the same target, whatever is declared
		return Task{DependsOn: Setting[[]string]{[]string{"^" + name}, n.root.Path}}, true
	}
	if !n.root.Knows(name, merged.Executor) && len(n.project(pkg).Targets[name]) == 0 { // the script, and no word on it
		return Task{}, false
	}
	t := taskOf(merged)
	if merged.Continuous {
		t.Persistent = Setting[bool]{true, n.root.Path}
	}
	if t.Inputs.Set() {
		in := n.root.Inputs(n.project(pkg), t.Inputs.Value)
		t.Reads = readsOfNx(pkg.Dir, in)
		if len(in.Env) > 0 {
			t.Env = Setting[[]string]{in.Env, t.Inputs.From}
		}
	}
	_, script := pkg.Scripts[name]
	t.Passes = !script
	var order []string
	for _, entry := range t.DependsOn.Value {
		if entry, ok := n.entry(pkg, entry); ok {
			order = append(order, entry)
		}
	}
	t.DependsOn.Value = order
	return t, true
}

// taskOf joins what the files say of a target.
func taskOf(m nxfile.Merged) (t Task) {
	for _, l := range m.Layers {
		order := slices.Clone(l.DependsOn)
		for i := range order {
			if order[i] == nxfile.Spread {
				order[i] = extends
			}
		}
		t.take(entry{dependsOn: order, outputs: l.Outputs, inputs: l.Inputs, cache: l.Cache}, l.From)
	}
	return t
}

// unknownInputs are the inputs of any target that are not understood, if inputs are used.
func (n *nx) unknownInputs() []string {
	if !n.usesInputs {
		return nil
	}
	unknown, named := map[string]bool{}, map[string]bool{}
	add := func(p *nxfile.Project, inputs []string) {
		for _, entry := range n.root.Inputs(p, inputs).Unknown {
			unknown[entry] = true
		}
	}
	for _, t := range n.root.Defaults {
		add(noProject, t.Inputs)
	}
	for _, p := range n.projects {
		for name := range p.Named {
			named[name] = true
		}
	}
	maps.DeleteFunc(unknown, func(entry string, _ bool) bool { return named[entry] }) // a project has it
	for _, p := range n.projects {
		for _, m := range p.merged {
			add(p.Project, taskOf(m).Inputs.Value)
		}
	}
	return slices.Sorted(maps.Keys(unknown))
}

// has reports whether a package has a target.
func (n *nx) has(pkg *workspace.Package, name string) bool {
	_, has := n.target(pkg, name)
	return has
}

// entry rewrites "lib:build" to "lib#build". ok is false for a task that is not there:
// nothing is passed on through it.
func (n *nx) entry(pkg *workspace.Package, entry string) (rewritten string, ok bool) {
	if strings.HasPrefix(entry, "^") || n.has(pkg, entry) {
		return entry, !n.continuous(pkg, entry)
	}
	project, target, _ := strings.Cut(entry, ":")
	if to := n.called(project); to != nil && n.has(to, target) && !n.continuous(to, target) {
		return to.Name + "#" + target, true
	}
	return "", false
}

// continuous reports whether a task never ends. Nx runs it beside what depends on it.
func (n *nx) continuous(pkg *workspace.Package, name string) bool {
	target, _ := n.target(pkg, name)
	return target.Continuous
}

// addDependencies makes implicitDependencies edges between packages: "*" is all,
// "!web" takes one away.
func (n *nx) addDependencies(ws *workspace.Workspace, pkg *workspace.Package) {
	for _, pattern := range n.project(pkg).Implicit {
		pattern, without := strings.CutPrefix(pattern, "!")
		matches := func(to *workspace.Package) bool {
			match, _ := path.Match(pattern, to.Name)
			return to != pkg && to.Dir != "." && (match || n.called(pattern) == to)
		}
		if without {
			pkg.Dependencies = slices.DeleteFunc(pkg.Dependencies, func(d workspace.Dependency) bool { return matches(d.To) })
			continue
		}
		for _, to := range ws.Packages {
			if matches(to) && !slices.ContainsFunc(pkg.Dependencies, func(d workspace.Dependency) bool { return d.To == to }) {
				pkg.Dependencies = append(pkg.Dependencies, workspace.Dependency{To: to, Kind: workspace.Dev, Spec: "implicitDependencies"})
			}
		}
	}
}

// hint is what to do about targets that heapmage does not run.
func (n *nx) hint() string {
	if n.example == "" {
		return ""
	}
	return "to run such a target too, give its package a script that does: " + n.example
}
