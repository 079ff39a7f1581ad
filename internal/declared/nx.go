package declared

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/jsonc"
	"github.com/heapmage/heapmage/internal/nxcommand"
	"github.com/heapmage/heapmage/internal/workspace"
)

// nx is the configuration of Nx: nx.json, each package's project.json, and "nx" in its
// package.json, as https://nx.dev/reference describes them. What plugins infer from
// other files is not seen.
type nx struct {
	silent
	path     string
	ws       *workspace.Workspace
	defaults map[string]nxTarget           // by target, or by executor
	projects map[string]*nxProject         // by the folder of each package of which they say something, and of a root that is a member
	renamed  map[string]*workspace.Package // by the name that a file of Nx gives
	atOnce   Setting[int]
	other    []string // keys that are not obeyed
	foreign  []string // tasks that run by executors
}

// nxProject is what one package has.
type nxProject struct {
	targets  map[string][]nxTarget // those of package.json, then those of project.json
	implicit []string
	included []string // the scripts that are targets too; nil means all
	merged   map[string]nxMerged
}

// nxTarget is what one file says of a target.
type nxTarget struct {
	entry
	executor       string
	sugar          bool // it has "command" and no executor
	inProject      bool // it stands in project.json
	options        nxcommand.Options
	configurations map[string]nxcommand.Options
	configuration  string // the default one
	continuous     *bool
	from           string
}

// readNx reads the files of a workspace, and adds the dependencies that they declare to
// its packages. It returns nil if the root has no nx.json.
func readNx(ws *workspace.Workspace) (source, error) {
	d, err := jsonc.Read(ws.Root, "nx.json")
	if d == nil || err != nil {
		return nil, err
	}
	n := &nx{path: d.Path, ws: ws, defaults: map[string]nxTarget{}, projects: map[string]*nxProject{}, renamed: map[string]*workspace.Package{}}
	if err := n.readRoot(d); err != nil {
		return nil, err
	}
	for _, pkg := range ws.Packages {
		if err := n.readProject(ws.Root, pkg); err != nil {
			return nil, err
		}
	}
	for dir, p := range n.projects {
		n.mergeAll(ws.At(dir), p)
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
func (n *nx) project(pkg *workspace.Package) nxProject {
	if p := n.projects[pkg.Dir]; p != nil {
		return *p
	}
	return nxProject{}
}

// target returns a package's target; has is false if there is no such one.
func (n *nx) target(pkg *workspace.Package, name string) (target nxMerged, has bool) {
	p := n.projects[pkg.Dir]
	switch {
	case p != nil:
		target, has = p.merged[name]
		return target, has
	case pkg.Dir == ".": // it is no member
		return target, false
	}
	if _, has := pkg.Scripts[name]; !has {
		return target, false
	}
	return n.merge(pkg, name)
}

// excludes is true for a script that "includedScripts" leaves out.
func (n *nx) excludes(pkg *workspace.Package, name string) bool {
	p := n.project(pkg)
	return p.included != nil && !slices.Contains(p.included, name) && len(p.targets[name]) == 0
}

func (n *nx) names() (names []string) {
	for _, p := range n.projects {
		names = slices.AppendSeq(names, maps.Keys(p.targets))
	}
	return names
}

func (n *nx) summary() string {
	return summaryOf(n.path, 0, part{"not obeyed", n.other}, part{"run by an executor, not by heapmage", n.foreign})
}

// task is what all files say of a target.
func (n *nx) task(pkg *workspace.Package, name string) (Task, bool) {
	if pkg.Dir == "." && n.projects["."] == nil {
		return Task{}, false
	}
	merged, has := n.target(pkg, name)
	if !has { // nx looks beyond it for the same target, whatever is declared
		return Task{DependsOn: Setting[[]string]{[]string{"^" + name}, n.path}}, true
	}
	t := merged.Task
	if _, usual := n.usual(name, merged.executor); !usual && len(n.project(pkg).targets[name]) == 0 { // the script, and no word on it
		return Task{}, false
	}
	if merged.continuous {
		t.Persistent = Setting[bool]{true, n.path}
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
	return target.continuous
}

// addDependencies makes implicitDependencies edges between packages: "*" is all,
// "!web" takes one away.
func (n *nx) addDependencies(ws *workspace.Workspace, pkg *workspace.Package) {
	for _, pattern := range n.project(pkg).implicit {
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
