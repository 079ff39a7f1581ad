package unobserved

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/git"
	"github.com/heapmage/heapmage/internal/observe"
	"github.com/heapmage/heapmage/internal/outputs"
	"github.com/heapmage/heapmage/internal/pathrole"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

// Watch is what there was before a task.
type Watch struct {
	k       *Tasks
	task    *taskgraph.Task
	set     outputs.Set
	inputs  map[string]observe.File
	own     map[string]observe.Stamp // of the files of the package that Git does not ignore
	outputs map[string]observe.Stamp // of what may be outputs
}

// Enter notes that an attempt at a task runs until leave is called: what two attempts write
// in one package at once cannot be told apart.
func (k *Tasks) Enter(t *taskgraph.Task) (leave func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for other := range k.running {
		if other.Package == t.Package {
			k.beside[t], k.beside[other] = append(k.beside[t], other), append(k.beside[other], t)
		}
	}
	k.running[t] = true
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.running, t)
	}
}

// Begin notes what there is before the first attempt at a task. inputs are those that Inputs
// returned.
func (k *Tasks) Begin(ctx context.Context, t *taskgraph.Task, inputs []string) *Watch {
	w := &Watch{k: k, task: t, set: k.outputs(t.Package, t.Target, t.Script), inputs: map[string]observe.File{}}
	for _, rel := range inputs {
		w.inputs[rel] = look(k.abs(rel))
	}
	w.own = w.list(ctx)
	w.outputs, _ = w.candidates(ctx)
	return w
}

// list are the files of the package that are no outputs, with their stamps.
func (w *Watch) list(ctx context.Context) map[string]observe.Stamp {
	g := gathering{k: w.k, ctx: ctx, task: w.task, files: map[string]bool{}}
	g.environmentFiles(w.task.Package.Dir)
	names := g.list(w.task.Package.Dir)
	for name := range g.files {
		names = append(names, name)
	}
	stamps := map[string]observe.Stamp{}
	for _, name := range names {
		stamps[name], _ = observe.Look(w.k.abs(name)) // one that has just gone has none
	}
	return stamps
}

// look is a file as an input. One that is not there is the zero value.
func look(abs string) (f observe.File) {
	info, err := os.Lstat(abs)
	if err != nil {
		return observe.File{}
	}
	f = observe.File{Mode: info.Mode(), Read: true, Found: true}
	if f.Mode&fs.ModeSymlink != 0 {
		f.Target, _ = os.Readlink(abs)
	}
	f.Stamp, _ = observe.Look(abs) // of one that has gone meanwhile there is none
	return f
}

// candidates are the files that may be outputs, with their stamps, and the unit of each: what
// is claimed as a whole.
func (w *Watch) candidates(ctx context.Context) (stamps map[string]observe.Stamp, units map[string]string) {
	stamps, units = map[string]observe.Stamp{}, map[string]string{}
	dir := w.task.Package.Dir
	add := func(rel, unit string) {
		if _, isInput := w.inputs[rel]; isInput || pathrole.Unseen(rel) {
			return
		}
		if s, err := observe.Look(w.k.abs(rel)); err == nil {
			stamps[rel], units[rel] = s, unit
		}
	}
	for _, rel := range w.k.Left(w.task) {
		if info, err := os.Lstat(w.k.abs(rel)); err == nil && !info.IsDir() {
			add(rel, rel)
		}
	}
	if len(w.set.Patterns) > 0 {
		names, _ := w.set.Files() // a folder that cannot be read is no output
		for _, name := range names {
			add(path.Join(dir, name), declaredUnit)
		}
		return stamps, units
	}
	for _, unit := range git.IgnoredBelow(ctx, w.k.Workspace.Root, dir) {
		if w.isApart(unit) {
			continue
		}
		_ = filepath.WalkDir(w.k.abs(unit), func(abs string, d fs.DirEntry, err error) error {
			rel, ok := w.k.rel(abs)
			switch {
			case err != nil || !ok:
				return nil //nolint:nilerr // nobody else can read it either
			case d.IsDir() && w.isApart(rel):
				return fs.SkipDir
			case !d.IsDir():
				add(rel, unit)
			}
			return nil
		})
	}
	return stamps, units
}

// declaredUnit is the unit of what is declared: all of it is claimed.
const declaredUnit = ""

// isApart reports whether what Git ignores is no output of the task: it is installed, or a
// tool's cache, or another package's.
func (w *Watch) isApart(rel string) bool {
	rel = strings.TrimSuffix(rel, "/")
	if pathrole.Unseen(rel) || pathrole.IsInstalled(rel) || isEnvironmentFile(rel) && path.Dir(rel) == w.task.Package.Dir {
		return true
	}
	for dir := rel; dir != "." && dir != w.task.Package.Dir; dir = path.Dir(dir) {
		if w.k.Workspace.IsFolder(w.k.abs(dir)) {
			return true
		}
	}
	return false
}

// found is set if an output of the task was there before it: it may have gone on from that.
const found = "it may have gone on from its own earlier outputs"

// Finish returns what the task is taken to have read and written, and why that must stay on
// this machine. Call it when the task has ended, and before what Enter returned.
func (w *Watch) Finish(ctx context.Context) (o observe.Observation, local []string) {
	o.Files = map[string]observe.File{}
	for rel, f := range w.inputs {
		o.Files[w.k.abs(rel)] = f
	}
	wrong := func(why string) { o.Incomplete = append(o.Incomplete, why) }
	now := w.list(ctx)
	for _, rel := range slices.Sorted(maps.Keys(now)) {
		if before, was := w.own[rel]; !was && !w.set.Match(within(w.task.Package.Dir, rel)) {
			wrong(rel + " is new, and Git does not ignore it: name it under outputs if the task wrote it")
		} else if was && before != now[rel] {
			wrong(rel + " changed while it ran")
		}
	}
	for _, rel := range slices.Sorted(maps.Keys(w.own)) {
		if _, still := now[rel]; !still {
			wrong(rel + " was removed while it ran")
		}
	}
	written, beside := w.written(ctx)
	switch {
	case len(written) > 0 && beside != "":
		wrong(beside + " ran in the same package meanwhile, so that it is not known which of them wrote what: name their outputs")
	case len(written) == 0 && (w.task.Target == "build" || w.task.Target == "bundle"):
		wrong("no output of it was found: name its outputs")
	}
	owned := map[string]bool{}
	for _, rel := range w.k.Left(w.task) {
		owned[rel] = true
	}
	for _, rel := range written {
		f := observe.File{Written: true}
		if s, before := w.outputs[rel]; before {
			local = []string{found}
			if owned[rel] {
				f = observe.File{Mode: mode(w.k.abs(rel)), Stamp: s, Found: true, Written: true}
			}
		}
		o.Files[w.k.abs(rel)] = f
	}
	for rel := range owned { // what it left earlier is still there, or is gone
		if s, before := w.outputs[rel]; before && !o.Files[w.k.abs(rel)].Written {
			o.Files[w.k.abs(rel)] = observe.File{Mode: mode(w.k.abs(rel)), Stamp: s, Found: true}
		}
	}
	return o, local
}

func mode(abs string) fs.FileMode {
	info, err := os.Lstat(abs)
	if err != nil {
		return 0
	}
	return info.Mode()
}

// written are the files that are taken to be outputs: what is declared, or else what Git
// ignores and the task created or changed, with all that is in the same folders that Git
// ignores, but for what is known to be another task's. beside is another task that may have
// written them; empty if there is none.
func (w *Watch) written(ctx context.Context) (names []string, beside string) {
	now, units := w.candidates(ctx)
	own := map[string]bool{}
	for _, rel := range w.k.Left(w.task) {
		own[rel] = true
	}
	others, unsure := w.others()
	changed := func(rel string) bool { before, was := w.outputs[rel]; return !was || before != now[rel] }
	isOthers := func(rel string) bool {
		if w.k.Owned(rel) && !own[rel] && !changed(rel) {
			return true
		}
		name := within(w.task.Package.Dir, rel)
		return len(w.set.Patterns) == 0 && slices.ContainsFunc(others, func(s outputs.Set) bool { return s.Match(name) })
	}
	claimed := map[string]bool{declaredUnit: true}
	for rel, unit := range units {
		if !claimed[unit] && changed(rel) && !isOthers(rel) {
			claimed[unit] = true
		}
	}
	for rel, unit := range units {
		if _, isOwn := w.own[rel]; isOwn || !own[rel] && !claimed[unit] || isOthers(rel) {
			continue
		}
		names = append(names, rel)
		if changed(rel) && len(w.set.Patterns) == 0 {
			beside = unsure
		}
	}
	return names, beside
}

// others are what the tasks are declared to write that ran in the same package meanwhile.
// unsure is one of which nothing is declared.
func (w *Watch) others() (declared []outputs.Set, unsure string) {
	w.k.mu.Lock()
	beside := slices.Clone(w.k.beside[w.task])
	w.k.mu.Unlock()
	for _, t := range beside {
		set := w.k.outputs(t.Package, t.Target, t.Script)
		if len(set.Patterns) == 0 {
			unsure = t.ID
		}
		declared = append(declared, set)
	}
	return declared, unsure
}
