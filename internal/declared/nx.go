package declared

import (
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
	defaults map[string]nxTarget           // by target, or by executor
	projects map[string]*nxProject         // by the package's folder
	called   map[string]*workspace.Package // by the project's name
	atOnce   Setting[int]
	other    []string // keys that are not obeyed
	foreign  []string // tasks that run by executors
}

// nxProject is what one package has.
type nxProject struct {
	targets  map[string][]nxTarget // those of package.json, then those of project.json
	implicit []string
	included []string // the scripts that are targets too; nil means all
}

// nxTarget is what one file says of a target.
type nxTarget struct {
	entry
	executor   string
	options    nxcommand.Options
	continuous bool
	from       string
}

// readNx reads the files of a workspace, and adds the dependencies that they declare to
// its packages. It returns nil if the root has no nx.json.
func readNx(ws *workspace.Workspace) (source, error) {
	d, err := jsonc.Read(ws.Root, "nx.json")
	if d == nil || err != nil {
		return nil, err
	}
	n := &nx{path: d.Path, defaults: map[string]nxTarget{}, projects: map[string]*nxProject{}, called: map[string]*workspace.Package{}}
	if err := n.readRoot(d); err != nil {
		return nil, err
	}
	for _, pkg := range ws.Packages {
		if err := n.readProject(ws.Root, pkg); err != nil {
			return nil, err
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

// excludes is true for a script that "includedScripts" leaves out.
func (n *nx) excludes(pkg *workspace.Package, name string) bool {
	p := n.projects[pkg.Dir]
	return p != nil && p.included != nil && !slices.Contains(p.included, name) && len(p.targets[name]) == 0
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

// task joins what targetDefaults and the package's own files say.
func (n *nx) task(pkg *workspace.Package, name string) (Task, bool) {
	var own []nxTarget
	if p := n.projects[pkg.Dir]; p != nil {
		own = p.targets[name]
	}
	if !n.has(pkg, name) { // nx looks beyond it for the same target, whatever is declared
		return Task{DependsOn: Setting[[]string]{[]string{"^" + name}, n.path}}, true
	}
	usual := n.usual(name, own)
	if len(own) == 0 && usual.from == "" {
		return Task{}, false
	}
	var t Task
	t.take(usual.entry, usual.from)
	for _, raw := range own {
		t.take(raw.entry, raw.from)
	}
	if n.continuous(pkg, name) {
		t.Persistent = Setting[bool]{true, n.path}
	}
	var order []string
	for _, entry := range t.DependsOn.Value {
		if entry, ok := n.entry(pkg, entry); ok {
			order = append(order, entry)
		}
	}
	t.DependsOn.Value = order
	return t, true
}

// usual is what targetDefaults say of a target: by its executor, or else by its name.
func (n *nx) usual(name string, own []nxTarget) nxTarget {
	usual := n.defaults[name]
	for _, raw := range own {
		if of, ok := n.defaults[raw.executor]; ok && raw.executor != "" {
			usual = of
		}
	}
	return usual
}

// has reports whether a package has a target.
func (n *nx) has(pkg *workspace.Package, name string) bool {
	_, has := pkg.Scripts[name]
	has = has && !n.excludes(pkg, name)
	if p := n.projects[pkg.Dir]; p != nil && !has {
		has = len(p.targets[name]) > 0
	}
	return has
}

// entry rewrites "lib:build" to "lib#build". ok is false for a task that is not there:
// nothing is passed on through it.
func (n *nx) entry(pkg *workspace.Package, entry string) (rewritten string, ok bool) {
	if strings.HasPrefix(entry, "^") || n.has(pkg, entry) {
		return entry, !n.continuous(pkg, entry)
	}
	project, target, _ := strings.Cut(entry, ":")
	if to := n.called[project]; to != nil && n.has(to, target) && !n.continuous(to, target) {
		return to.Name + "#" + target, true
	}
	return "", false
}

// continuous reports whether a task never ends. Nx runs it beside what depends on it.
func (n *nx) continuous(pkg *workspace.Package, name string) bool {
	p := n.projects[pkg.Dir]
	if p == nil {
		return false
	}
	own := p.targets[name]
	return n.usual(name, own).continuous || slices.ContainsFunc(own, func(t nxTarget) bool { return t.continuous })
}

// addDependencies makes implicitDependencies edges between packages: "*" is all,
// "!web" takes one away.
func (n *nx) addDependencies(ws *workspace.Workspace, pkg *workspace.Package) {
	p := n.projects[pkg.Dir]
	if p == nil {
		return
	}
	for _, pattern := range p.implicit {
		pattern, without := strings.CutPrefix(pattern, "!")
		matches := func(to *workspace.Package) bool {
			match, _ := path.Match(pattern, to.Name)
			return to != pkg && to.Dir != "." && (match || n.called[pattern] == to)
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
