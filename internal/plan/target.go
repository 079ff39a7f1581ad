package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/workspace"
)

// targets are those of which the script may have another name, in order.
var targets = slices.Sorted(maps.Keys(declared.DefaultDependsOn()))

func isTarget(name string) bool { return slices.Contains(targets, name) }

// split are the names in a text, each once.
func split(text string) (names []string) {
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// TargetName is what a plan calls the targets and scripts that a text names.
func TargetName(text string) string { return strings.Join(split(text), ", ") }

// targetsOf are the targets and scripts that a text names, each once.
func (p *Plan) targetsOf(text string) (names []string, err error) {
	if names = split(text); len(names) == 0 {
		return nil, &problem.Error{Where: "-script=" + text, What: "no script is named", Hint: "name one or several with commas; there are: " + scriptsOf(p.Workspace.All())}
	}
	return names, nil
}

// task returns what is declared of a target of a package: of the script that runs for
// it, or of those that could. A script that was asked for, and of which nothing is declared,
// comes after the same one of the packages that its package depends on, unless it only
// checks something.
func (p *Plan) task(pkg *workspace.Package, target string) declared.Task {
	names := script.Names(target)
	if name, ok := p.script(pkg, target); ok {
		names = []string{name}
	}
	t := p.Declared.Task(pkg, target, names...)
	if !t.DependsOn.Set() && slices.Contains(p.targets, target) && !script.Checks(target) {
		t.DependsOn = declared.Setting[[]string]{Value: []string{"^" + target}, From: declared.ByDefault}
	}
	return t
}

// refuseEndless refuses scripts that were asked for and would keep the run from ending. With a
// time limit none does. extra are arguments that they get.
func (p *Plan) refuseEndless(extra []string) error {
	var endless []string
	reason, script := "", "" // of the last one
	for _, t := range p.Graph.Tasks {
		if !t.Wanted {
			continue
		}
		persistent := p.task(t.Package, t.Target).Persistent
		warned := isTarget(t.Target) && slices.Contains(p.targets, t.Target) // when it starts
		ends := p.Config.TaskFor(t.Package.Keys(), t.Target, t.Script).Timeout > 0
		why := ""
		switch {
		case persistent.Value:
			why = persistent.From + " declares it persistent"
		case !warned && !ends:
			why = scripttext.Endless(t.Package.Scripts, t.Script, extra)
		}
		if why != "" {
			endless, reason, script = append(endless, t.ID), why, t.Script
		}
	}
	if len(endless) == 0 {
		return nil
	}
	return &problem.Error{Where: problem.ShortList(endless, mostTasks), What: "would never end: " + reason,
		Hint: fmt.Sprintf("start it with %s run %s; if it does end, set tasks: {%s: {timeout: 10m}} in %s", p.Workspace.Manager, script, script, config.FileName)}
}

// noScript is the error for a target that none of the packages has a script for.
func (p *Plan) noScript(c choice) error {
	where, who := "package.json", "no package has a"
	if p.Workspace.Manager == workspace.Go {
		where = "go.mod"
	}
	if c.target == "bundle" {
		who = "the root has no" // packages are bundled only by name
	}
	if c.named {
		where, who = c.where, "none of these packages has a"
		if len(c.packages) == 1 {
			where, who = c.packages[0].Dir, "the package has no"
		}
	}
	from := c.packages
	if root := p.Workspace.RootPackage; root != nil && !c.named && !slices.Contains(c.packages, root) {
		from = append(slices.Clone(c.packages), root)
	}
	what, hint := fmt.Sprintf("%s script for %q", who, c.target), "none of them has any script"
	names := scriptNames(from)
	if !isTarget(c.target) {
		what = fmt.Sprintf("%s script %q", who, c.target)
	}
	switch {
	case p.Workspace.RootPackage != nil && p.has(p.Workspace.RootPackage, c.target):
		hint = "the root has one: -workspace=// runs it"
	case len(names) > 0 && isTarget(c.target):
		hint = fmt.Sprintf("choose one in heapmage.yaml, with tasks: {%s: {script: NAME}}; there are: %s", c.target, scriptsOf(from))
	case len(names) > 0:
		if hint = "there are: " + scriptsOf(from); len(nearest.Names(c.target, names, 1)) > 0 {
			hint = "did you mean " + strings.Join(nearest.Names(c.target, names, mostNear), ", or ") + "?"
		}
	}
	return &problem.Error{Where: where, What: what, Hint: hint}
}

// mostNear is how many names an error suggests, and mostScripts how many it lists.
const (
	mostNear    = 3
	mostScripts = 12
)

// scriptNames are the scripts of some packages.
func scriptNames(packages []*workspace.Package) []string {
	names := map[string]bool{}
	for _, pkg := range packages {
		for name := range pkg.Scripts {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// scriptsOf lists them for an error.
func scriptsOf(packages []*workspace.Package) string {
	names := scriptNames(packages)
	if len(names) > mostScripts {
		names = append(names[:mostScripts:mostScripts], "…")
	}
	return strings.Join(names, ", ")
}
