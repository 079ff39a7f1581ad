package reuse

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/git"
	"github.com/heapmage/heapmage/internal/inputs"
	"github.com/heapmage/heapmage/internal/observe"
	"github.com/heapmage/heapmage/internal/pathrole"
)

// view is what an observation means for a task: its inputs and its outputs.
type view struct {
	r    *Results
	ctx  context.Context
	task *Task

	inputs   []inputs.Known
	outputs  []filetree.File // as they are now
	removed  []string        // outputs of upstream tasks that it removed
	local    []string        // why the result must stay on this machine
	fault    string          // why it must not be kept at all; the first reason stands
	packages map[string]bool // of node_modules that are among the inputs
	programs map[string]bool // that were run, by name
	// incremental is set if it met its own earlier outputs.
	incremental bool
}

func (v *view) wrong(format string, args ...any) {
	if v.fault == "" {
		v.fault = fmt.Sprintf(format, args...)
	}
}

func (v *view) add(a inputs.Aspect, path string, s fingerprint.State) {
	v.inputs = append(v.inputs, inputs.New(a, path, s))
}

// view sorts the files of an observation.
func (r *Results) view(ctx context.Context, t *Task, o observe.Observation) *view {
	v := &view{r: r, ctx: ctx, task: t, packages: map[string]bool{}, programs: map[string]bool{}}
	written := map[string]observe.File{}
	all := slices.Sorted(maps.Keys(o.Files))
	for _, file := range all {
		f := o.Files[file]
		rel, inside := r.rel(file)
		switch {
		case inside && pathrole.Unseen(rel):
		case f.Written && inside:
			written[rel] = f
		case f.Written && !r.passing(file) && !pathrole.OfSystem(file) && exists(file):
			v.wrong("it wrote %s, outside of the workspace", file)
		}
	}
	v.judge(o, written)
	r.owners.Set(t.ID, t.Upstream, v.owned()) // what it wrote counts in no listing
	own := map[string]bool{}
	for _, f := range v.outputs {
		own[f.Path] = true
	}
	for _, file := range all {
		f := o.Files[file]
		rel, inside := r.rel(file)
		switch {
		case inside && (pathrole.Unseen(rel) || rel == "." && !f.Listed):
		case inside:
			if _, changed := written[rel]; !changed {
				f.Written = false // it was a try
			}
			if v.rewrote(rel, f); !own[rel] {
				v.inside(rel, f)
			}
		default:
			v.ran(file, f)
			v.outside(file, f)
		}
	}
	if v.incremental {
		v.local = append(v.local, "the task found its own earlier outputs")
	}
	return v
}

// variables adds the variables that sources name: those that it got because its package
// names them, and those that any file names that it read.
func (v *view) variables(a Attempt) {
	all := map[string]bool{}
	for _, name := range a.Passed {
		all[name] = true
	}
	if a.Names != nil {
		for _, in := range v.inputs {
			if in.Aspect != inputs.Content {
				continue
			}
			for _, name := range a.Names(v.r.abs(in.Path)) {
				if slices.Contains(a.Withheld, name) {
					v.wrong("%s names the variable %s, which it did not get this time", in.Path, name)
				}
				all[name] = true
			}
		}
	}
	for name := range all {
		value, set := v.task.Variables(name)
		v.add(inputs.Variable, name, inputs.VariableState(value, set))
	}
	inputs.Sort(v.inputs)
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

// judge decides which of the written files are outputs.
func (v *view) judge(o observe.Observation, written map[string]observe.File) {
	var strange []string // they were there before, and are not the task's
	for rel, f := range written {
		before := f.Existed() && !f.Mode.IsDir()
		if before && (!v.r.owners.Owns(v.task.ID, rel) || v.r.isTracked(v.ctx, rel)) {
			strange = append(strange, rel)
		}
	}
	slices.Sort(strange)
	ignored := git.Ignored(v.ctx, v.r.root, strange)
	for _, rel := range strange {
		switch {
		case !v.changed(rel, written[rel]):
			delete(written, rel) // a try, or the same bytes
		case v.r.isTracked(v.ctx, rel):
			v.wrong("it changed %s, which is under version control", rel)
			delete(written, rel) // it stays whose it is
		case v.r.owners.Of(rel) != nil: // it comes after another task, or beside it
		case !ignored[rel]:
			v.wrong("it changed %s, which was there before", rel)
			delete(written, rel)
		case written[rel].Read && !exists(v.r.abs(rel)):
			v.wrong("it read and removed %s, which was there before", rel)
		case written[rel].Read:
			v.incremental = true // as if it were its own
		}
	}
	var kept []string // outputs of earlier attempts that it left
	own := v.r.owners.Files(v.task.ID)
	for path, state := range own {
		if state == fingerprint.Absent {
			continue
		}
		if _, below := v.r.owners.Below(v.task.Upstream, path); !below {
			f := o.Files[v.r.abs(path)]
			v.incremental = v.incremental || f.Existed() && (f.Found || f.Read || f.Listed)
		}
		if _, again := written[path]; !again {
			kept = append(kept, path)
		}
	}
	for _, rel := range slices.Sorted(maps.Keys(written)) {
		for _, l := range v.r.owners.Of(rel) {
			if !v.r.owners.Ordered(v.task.ID, l.Task) {
				v.r.conflict(rel, v.task.ID, l.Task)
				v.wrong("%s writes %s too, and neither comes before the other: add a dependsOn", l.Task, rel)
			}
		}
		if f := written[rel]; f.Existed() && f.Mode.IsDir() && !v.r.owners.Owns(v.task.ID, rel) && exists(v.r.abs(rel)) {
			continue // it was there before
		}
		v.output(rel)
		if _, ok := v.r.owners.Below(v.task.Upstream, rel); ok && !exists(v.r.abs(rel)) {
			v.removed = append(v.removed, rel)
		}
	}
	slices.Sort(kept)
	for _, rel := range slices.Backward(kept) { // what is in a folder comes first
		if v.incremental || !v.drop(rel, own[rel]) {
			v.output(rel)
		}
	}
	slices.SortFunc(v.outputs, func(a, b filetree.File) int { return strings.Compare(a.Path, b.Path) })
}

// drop removes an output of an earlier attempt, which left it in a state: one from nothing
// would not have left it. It returns false for what is needed as it is, and leaves what is no
// longer the task's.
func (v *view) drop(rel string, state fingerprint.State) bool {
	if len(v.r.owners.Of(rel)) > 1 {
		return false
	}
	isDir, still := v.r.isStill(v.ctx, rel, state)
	return !still || v.r.files.Remove(rel) == nil || !isDir
}

// changed reports whether a file that the task had not made is another now.
func (v *view) changed(rel string, f observe.File) bool {
	now, err := os.Lstat(v.r.abs(rel))
	if err != nil {
		return true
	}
	return now.Mode() != f.Mode || now.Size() != f.Stamp.Size || !now.ModTime().Equal(f.Stamp.Modified)
}

// output adds a file that is there now.
func (v *view) output(rel string) {
	info, err := os.Lstat(v.r.abs(rel))
	if err != nil {
		return // it was removed again
	}
	f := filetree.File{Path: rel, Mode: info.Mode().Perm()}
	switch {
	case info.Mode().IsRegular():
		f.Kind, f.Size = filetree.Regular, info.Size()
		digest, err := v.r.digests.File(v.r.abs(rel))
		if err != nil {
			v.wrong("its output %s cannot be read: %v", rel, err)
			return
		}
		f.Digest = digest
	case info.IsDir():
		f.Kind = filetree.Folder
	case info.Mode()&fs.ModeSymlink != 0:
		f.Kind, f.Mode = filetree.Link, 0
		if f.Target, err = os.Readlink(v.r.abs(rel)); err != nil {
			v.wrong("its output %s cannot be read: %v", rel, err)
			return
		}
		if filepath.IsAbs(f.Target) {
			v.local = append(v.local, rel+" is a link to an absolute path")
		}
	default:
		return // a socket or a pipe is nothing that stays
	}
	v.outputs = append(v.outputs, f)
}

// owned is what the task owns from now on.
func (v *view) owned() map[string]fingerprint.State {
	files := map[string]fingerprint.State{}
	for _, f := range v.outputs {
		files[f.Path] = f.State()
	}
	for _, path := range v.removed {
		files[path] = fingerprint.Absent
	}
	return files
}

// rewrote adds what an upstream task had left where the task has written.
func (v *view) rewrote(rel string, f observe.File) {
	l, ok := v.r.owners.Below(v.task.Upstream, rel)
	if ok && f.Written && (f.Read || f.Found) && f.Existed() && !f.Mode.IsDir() {
		v.add(inputs.Content, rel, l.State)
		if f.Mode.IsRegular() { // moved or copied over, it takes its permissions along
			v.add(inputs.Presence, rel, fingerprint.PresenceOf(f.Mode))
		}
	}
}

// inside adds what was met in the workspace, and is no output of the task.
func (v *view) inside(rel string, f observe.File) {
	others := v.r.owners.Of(rel)
	if pathrole.IsInstalled(rel) && len(others) == 0 && v.packaged(rel, f) {
		return
	}
	for _, l := range others {
		if !v.r.owners.Ordered(v.task.ID, l.Task) && (f.Read || f.Listed) {
			v.wrong("it read %s, which %s writes: add %s to its dependsOn", rel, l.Task, l.Task)
			return
		}
	}
	v.met(rel, f)
}

// packaged reports whether a path below node_modules is the package manager's, and adds the
// package to which it belongs if it was read: it counts by what is installed. What others
// left there, such as a client that was generated by hand, counts by itself.
func (v *view) packaged(rel string, f observe.File) bool {
	switch pathrole.InstalledName(rel) {
	case "": // node_modules, or the folder of a scope
		return true
	case ".":
		return false
	}
	if !f.Read && !f.Listed {
		return true
	}
	state, dir, ok := v.task.installed(v.r.abs(rel))
	if !ok {
		return false
	}
	name, _ := v.r.rel(dir)
	if f.Read && !v.packages[name] {
		v.packages[name] = true
		v.add(inputs.Installed, name, fingerprint.State(state))
	}
	return true
}

// met adds a path in each respect that was observed.
func (v *view) met(name string, f observe.File) {
	if f.Unsteady {
		v.wrong("%s changed while it ran", name)
		return
	}
	switch {
	case !f.Existed():
		if !f.Written {
			v.add(inputs.Presence, name, fingerprint.Absent)
		}
		return
	case f.Mode&fs.ModeSymlink != 0:
		v.add(inputs.Target, name, v.r.digests.TargetOf(f.Target))
		return
	case f.Read && !f.Mode.IsDir():
		if f.Written {
			return // it was judged as an output, or is gone
		}
		if text := v.unsteady(name, f); text != "" {
			v.wrong("%s", text)
			return
		}
		v.add(inputs.Content, name, v.r.digests.Content(v.r.abs(name)))
	}
	if f.Listed {
		v.add(inputs.Names, name, fingerprint.NamesOf(f.Names, v.r.uncounted(v.task, name)))
	}
	if !f.Written {
		v.add(inputs.Presence, name, fingerprint.PresenceOf(f.Mode))
	}
}

// unsteady tells if a file is not what it was when it was first met.
func (v *view) unsteady(name string, f observe.File) string {
	switch now, err := observe.Look(v.r.abs(name)); {
	case err != nil:
		return name + " was removed while it ran"
	case now != f.Stamp:
		return name + " changed while it ran"
	}
	return ""
}

// outside adds what was met outside of the workspace.
func (v *view) outside(file string, f observe.File) {
	inGit, ref := pathrole.GitRef(file)
	switch {
	case inGit && !ref: // of the repository around the workspace, or of a worktree
	case f.Written, v.task.Programs[file], v.r.passing(file) && !f.Run, pathrole.Within(file, v.r.root):
	case f.Existed() && (v.named(file, f) || v.managed(file)):
	case !f.Existed():
		if v.r.above(file) {
			v.met(file, f) // configuration that tools look for up to the root
		}
	case f.Read && (!pathrole.OfSystem(file) || f.Run && pathrole.Within("/usr/local", file) || pathrole.TellsVersion(file)):
		v.met(file, observe.File{Mode: f.Mode, Stamp: f.Stamp, Read: true})
		v.local = append(v.local, "it read "+file)
	}
}

// passing reports whether a path outside of the workspace is for temporary files or caches.
func (r *Results) passing(file string) bool {
	return pathrole.OfTools(r.home, file) || slices.ContainsFunc(r.temps, func(dir string) bool { return pathrole.Within(dir, file) })
}

// above reports whether a file lies in a folder around the workspace, where tools look for
// configuration.
func (r *Results) above(file string) bool {
	dir := filepath.Dir(file)
	return dir == "/" || pathrole.Within(dir, r.root)
}
