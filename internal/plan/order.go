package plan

import (
	"slices"

	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
)

// afterOwnBuild are the targets that read what the build of the same package writes.
var afterOwnBuild = []string{"typecheck", "test", "bundle"}

// order is the order of a target: the declared one or heapmage's own.
func (p *Plan) order(pkg *workspace.Package, target string) taskgraph.Order {
	t := p.task(pkg, target)
	o := taskgraph.Order{
		DependsOn: t.DependsOn.Value, From: t.DependsOn.From, Passes: t.Passes,
		With: t.With.Value, Persistent: t.Persistent.Value, Declared: t.Ordered(),
	}
	if slices.Contains(afterOwnBuild, target) || slices.Contains(p.targets, target) && script.IsTest(target) {
		o.IfRun = []string{"build"}
	}
	return o
}

// writes returns a script that a task's script runs beside itself and that writes files,
// such as the build that a test script begins with; empty if there is none. What the
// package's build runs is ordered as the build is.
func (p *Plan) writes(t *taskgraph.Task) string {
	scripts, hooks := t.Package.Scripts, p.runsHooks(t.Package)
	var builds []string
	if build, ok := p.script(t.Package, "build"); ok {
		builds = append(scripttext.Called(scripts, build, hooks), build)
	}
	if slices.Contains(builds, t.Script) {
		return ""
	}
	for _, called := range scripttext.Called(scripts, t.Script, hooks) {
		if called != t.Script && (slices.Contains(builds, called) || !script.Checks(called)) {
			return called
		}
	}
	return ""
}

// runsHooks reports whether the pre and post scripts of a package may run. With npm and
// pnpm a setting decides, which a plan does not read.
func (p *Plan) runsHooks(pkg *workspace.Package) bool {
	return pkg.Manifest != nil && !p.Workspace.Berry()
}
