package guard

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/admission"
	"github.com/heapmage/heapmage/internal/admission/frame"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/sighting"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
)

// task is the script of that name of the package in a folder: the same as in a build. Its text,
// which package managers change, tells only what tool runs.
func (g *guard) task(folder, name, text string) *taskgraph.Task {
	return taskIn(g.packageAt(folder), name, text)
}

// packageAt is the package in a folder. A folder without one is one.
func (g *guard) packageAt(folder string) *workspace.Package {
	dir := g.Workspace.Rel(folder)
	if pkg := g.Workspace.At(dir); pkg != nil {
		return pkg
	}
	if dir == "" {
		dir = filepath.ToSlash(folder)
	}
	return &workspace.Package{Name: dir, Dir: dir, Path: folder}
}

func taskIn(pkg *workspace.Package, name, text string) *taskgraph.Task {
	if pkg.Scripts[name] == "" && text != "" {
		with := *pkg
		with.Scripts = map[string]string{name: text}
		pkg = &with
	}
	return &taskgraph.Task{ID: pkg.Name + "#" + name, Package: pkg, Target: name, Script: name}
}

// fansOut reports whether a script starts tasks and is none itself: one that does nothing but
// start scripts of packages, and of a workspace's root any that hands out work. Within a package
// that is the task's own affair.
func (g *guard) fansOut(t *taskgraph.Task) bool {
	if work, fanOuts := scripttext.OwnWork(t.Package.Scripts, t.Script, false); len(work) == 0 && len(fanOuts) > 0 {
		return true
	}
	return t.Package.Dir == "." && len(g.Workspace.All()) > 1 && sighting.HandsOut(t.Package.Scripts[t.Script])
}

// mayFanOut reports whether a script may start scripts of other packages, so that these must
// find us.
func (g *guard) mayFanOut(t *taskgraph.Task) bool {
	if t.Package.Dir == "." || g.Workspace.At(t.Package.Dir) == nil {
		return true
	}
	_, fanOuts := scripttext.OwnWork(t.Package.Scripts, t.Script, false)
	return len(fanOuts) > 0
}

// lasts reports whether a script runs until it is ended, such as a server.
func lasts(t *taskgraph.Task) bool { return scripttext.Endless(t.Package.Scripts, t.Script, nil) != "" }

// rerunTargets are those whose scripts may run again after they were stopped: a second run
// gives what the first would have given.
var rerunTargets = []string{"build", "typecheck", "lint", "test"}

// mayRunAgain reports whether a script may be stopped and run again. What it has read of its
// standard input would be missing then.
func (g *guard) mayRunAgain(t *taskgraph.Task, ask admission.Ask) bool {
	if g.Config.Retries != nil && *g.Config.Retries == 0 || ask.Stdin == frame.Terminal {
		return false
	}
	return g.again[t.Script] || slices.ContainsFunc(rerunTargets, func(target string) bool {
		return slices.Contains(script.Names(target), t.Script)
	})
}

// namesOf splits a list of names at its commas.
func namesOf(list string) map[string]bool {
	names := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names[name] = true
		}
	}
	return names
}

// maxSignal is the greatest number of a signal on any system. Exit codes beyond are no signal's.
const maxSignal = 64

// reasonOf tells how the command ended.
func reasonOf(code int) string {
	switch {
	case code == problem.ExitInterrupted:
		return "interrupted"
	case code > 128 && code <= 128+maxSignal:
		return fmt.Sprintf("the guarded command was ended by signal %d", code-128)
	default:
		return fmt.Sprintf("the guarded command failed: exit code %d", code)
	}
}
