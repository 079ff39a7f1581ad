package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
)

// rootScript is the root's script for a target that runs the packages' instead.
type rootScript struct {
	target, name string
	// work is what it does beside having the packages' scripts run, and no task does.
	work []scripttext.Work
	// fanOuts are its commands that have them run.
	fanOuts []scripttext.FanOut
}

// findRootScript looks for the root's script for a target and for what it does. The zero
// value is none that does not run.
func (p *Plan) findRootScript(target string) (found rootScript) {
	root := p.Workspace.RootPackage
	if root == nil {
		return found
	}
	name, ok := p.script(root, target)
	runs := func(script string) bool {
		return slices.ContainsFunc(p.Graph.Tasks, func(t *taskgraph.Task) bool { return t.Package == root && t.Script == script })
	}
	if !ok || runs(name) {
		return found
	}
	found.target, found.name = target, name
	found.work, found.fanOuts = scripttext.OwnWork(root.Scripts, name, p.runsHooks(root))
	found.work = slices.DeleteFunc(found.work, func(w scripttext.Work) bool { return w.Script != "" && runs(w.Script) })
	return found
}

// mentionRoot adds a notice that the root's script does not run, if that matters: it does
// more than have the packages' scripts run, or less, or most packages have none, so that the
// root's may build them all.
func (p *Plan) mentionRoot(root rootScript, selected []*workspace.Package) {
	// With several such commands, each may take the packages that others leave out.
	if f := root.fanOuts; len(f) == 1 && f[0].Narrow && p.Exclude == nil && p.Since == nil {
		p.Notices = append(p.Notices, event.Notice{Kind: event.RootLeftOut,
			Text: fmt.Sprintf("The root's %s leaves packages out, and does not run: %s", root.name, shown([]scripttext.Work{{Command: f[0].Command}})),
			Hint: "to leave some out here too: -workspace= or -exclude="})
	}
	if root.name == "" || len(root.work) == 0 && len(root.fanOuts) > 0 {
		return
	}
	have := 0
	for _, pkg := range selected {
		if p.has(pkg, root.target) {
			have++
		}
	}
	switch {
	case 2*have < len(selected):
		verb := "have"
		if have == 1 {
			verb = "has"
		}
		p.notice(event.RootLeftOut, fmt.Sprintf("%d of %d packages %s a %s script; the root's does not run (-workspace=// runs it)", have, len(selected), verb, root.target))
	case len(root.work) == 0 || root.target != "build" && root.target != "clean":
	case len(root.fanOuts) > 0:
		p.notice(event.RootLeftOut, fmt.Sprintf("The root's %s does more than the packages' scripts, and does not run: %s", root.name, shown(root.work)))
	default:
		p.notice(event.RootLeftOut, fmt.Sprintf("The root's %s does not run (-workspace=// runs it): %s", root.name, shown(root.work)))
	}
}

// RootAdvice is what to set after the failure of a build that never succeeded, if the
// root's build does something that the package may need first. The zero value is none.
func (p *Plan) RootAdvice(t *taskgraph.Task) (n event.Notice) {
	if t.Target != "build" || len(p.root.work) == 0 {
		return n
	}
	const further = "before-packages"
	entries := slices.Clone(p.task(t.Package, t.Target).DependsOn.Value)
	var loose []string
	for _, w := range p.root.work {
		script := w.Script
		if script == "" {
			loose, script = append(loose, w.Command), further
		}
		if entry := "//#" + script; !slices.Contains(entries, entry) {
			entries = append(entries, entry)
		}
	}
	for i, entry := range entries {
		if !plainEntry.MatchString(entry) {
			entries[i] = strconv.Quote(entry)
		}
	}
	hint := fmt.Sprintf("set in %s: tasks: {%s: {dependsOn: [%s]}}", config.FileName, t.Target, strings.Join(entries, ", "))
	if len(loose) > 0 {
		hint = fmt.Sprintf("put that into a script %q of the root, and %s", further, hint)
	}
	if len(p.root.fanOuts) == 0 {
		hint += "; or if it builds the packages too: -workspace=//"
	}
	return event.Notice{Kind: event.RootLeftOut, Hint: hint,
		Text: fmt.Sprintf("Packages that have never been built may need what the root's %s does: %s", p.root.name, shown(p.root.work))}
}

// plainEntry needs no quotes in YAML.
var plainEntry = regexp.MustCompile(`^\^?[\w-]+$`)

// mentionRunners adds a notice that the scripts of packages do nothing but start another
// task runner, which may run again what this run does.
func (p *Plan) mentionRunners() {
	var ids []string
	for _, t := range p.Graph.Tasks {
		// What wireit runs is known, and does not run twice.
		if t.Package == p.Workspace.RootPackage || strings.Contains(t.Package.Scripts[t.Script], "wireit") {
			continue
		}
		if work, fanOuts := scripttext.OwnWork(t.Package.Scripts, t.Script, p.runsHooks(t.Package)); len(work) == 0 && len(fanOuts) > 0 {
			ids = append(ids, t.ID)
		}
	}
	if len(ids) == 0 {
		return
	}
	p.Notices = append(p.Notices, event.Notice{Kind: event.RunsRunner,
		Text: "Scripts of packages start another task runner, which may run tasks a second time: " + problem.ShortList(ids, 6),
		Hint: fmt.Sprintf("name the scripts that do the work in heapmage.yaml: tasks: {%q: {script: NAME}}", ids[0])})
}

// shown lists commands, as many as fit a line.
func shown(work []scripttext.Work) string {
	const most = 60
	text := work[0].Command
	for i, w := range work[1:] {
		if len(text)+len(w.Command) > most {
			return fmt.Sprintf("%s and %d more", text, len(work)-1-i)
		}
		text += ", " + w.Command
	}
	if len(text) > 2*most {
		text = strings.ToValidUTF8(text[:2*most], "") + "…"
	}
	return text
}
