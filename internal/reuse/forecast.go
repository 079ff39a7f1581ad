package reuse

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/inputs"
	"github.com/heapmage/heapmage/memtools"
)

// State is what is known of a task's result before a run.
type State int

// The states.
const (
	// Runs means that the task has to run.
	Runs State = iota
	// UpToDate means that its result is known and in place, Restored that it will be put in
	// place.
	UpToDate
	Restored
	// Unknown means that another task has to run before it can be told.
	Unknown
)

// Outlook is what a run would find for a task.
type Outlook struct {
	State State
	// Reason is why it has to run; empty for the other states.
	Reason string
	// Until is the task that has to run first, if the state is Unknown.
	Until string

	weak, strong cache.Key // strong is zero unless the result is known
	entry        *cache.Entry
	inputs       []inputs.Known // of the result, if it is known
}

// Size is what the known result holds, in bytes as they are on disk. It is zero if the result is
// not known.
func (o Outlook) Size() (size memtools.Bytes) {
	if o.entry == nil {
		return 0
	}
	for _, f := range o.entry.Files {
		size += memtools.Bytes(f.Size)
	}
	return size + memtools.Bytes(o.entry.LogSize)
}

// MayRead reports whether the task may read a file of the workspace as that is now, which is
// relative to it, with slashes. It may if its result is not known.
func (o Outlook) MayRead(file string) bool {
	return o.entry == nil || slices.ContainsFunc(o.inputs, func(in inputs.Known) bool {
		return in.IsFile() && (in.Path == file || in.Aspect == inputs.Names && in.Path == path.Dir(file))
	})
}

// Forecast tells what a run would find, from what is there now and from what known results
// would leave. It restores nothing, so that a chain of results can be told that are known and
// not in place.
type Forecast struct {
	results  *Results
	outlooks map[string]Outlook
	// left are the files that known results will leave, with those that they remove, by path,
	// in the order of the tasks.
	left map[string][]willLeave
	// folders are where tasks write of which no result is known.
	folders map[string]map[string]bool
}

// willLeave is a file as a task will leave it; nil if it removes it.
type willLeave struct {
	task string
	file *filetree.File
}

// Forecast begins one. The results must be set to LookOnly.
func (r *Results) Forecast() *Forecast {
	return &Forecast{results: r, outlooks: map[string]Outlook{}, left: map[string][]willLeave{}, folders: map[string]map[string]bool{}}
}

// Of returns the outlook of a task. All that come before it must have been asked for, or
// Ran must have been called for them.
func (f *Forecast) Of(ctx context.Context, t *Task) Outlook {
	f.results.owners.Meet(t.ID, t.Upstream)
	o := f.of(ctx, t)
	f.outlooks[t.ID] = o
	if o.State == Runs || o.State == Unknown {
		f.writes(t.ID)
	}
	return o
}

// Ran notes that a task runs in any case, because of a reason that is not among its inputs.
func (f *Forecast) Ran(task, reason string) Outlook {
	o := Outlook{State: Runs, Reason: reason}
	f.outlooks[task] = o
	f.writes(task)
	return o
}

// writes notes the folders in which a task has written. Where it may write next time is not
// known, if it has not run yet.
func (f *Forecast) writes(task string) {
	in := map[string]bool{}
	for file, state := range f.results.owners.Files(task) {
		in[file] = true
		if !strings.HasPrefix(string(state), "folder ") {
			in[path.Dir(file)] = true
		}
	}
	f.folders[task] = in
}

func (f *Forecast) of(ctx context.Context, t *Task) Outlook {
	o := Outlook{weak: inputs.Weak(t.ID, t.Parts)}
	until, sets := "", 0
	for text := range f.results.sets(ctx, o.weak) {
		sets++
		set, err := inputs.Parse(text)
		if err != nil {
			continue
		}
		if task := f.blocking(t, set); task != "" {
			until = task
			continue
		}
		all := make([]inputs.Known, len(set))
		for i, in := range set {
			all[i] = inputs.Known{Input: in, State: f.state(t, in)}
		}
		key := inputs.Strong(o.weak, all)
		e, err := f.results.entry(ctx, key)
		if err == nil {
			var done bool
			if done, err = f.place(ctx, t, e); err == nil {
				o.State, o.entry, o.strong, o.inputs, o.Reason = Restored, e, key, all, ""
				if done {
					o.State = UpToDate
				}
				return o
			}
		}
		if why := (*cache.Miss)(nil); !errors.As(err, &why) || why.Why != cache.Absent {
			o.Reason = err.Error()
		}
	}
	switch {
	case sets == 0:
		o.Reason = f.results.changedPart(t)
	case until != "":
		o.State, o.Until, o.Reason = Unknown, until, ""
	case o.Reason == "":
		o.Reason = f.results.changedInput(t, func(in inputs.Input) fingerprint.State { return f.state(t, in) })
	}
	return o
}

// place notes what an entry will leave, and reports whether all of it is in place. The error
// is why it cannot be put there.
func (f *Forecast) place(ctx context.Context, t *Task, e *cache.Entry) (done bool, err error) {
	to, _ := f.results.placeFor(ctx, t, e)
	plan, err := filetree.NewPlan(e.Files, to)
	if err != nil {
		return false, err
	}
	defer plan.Close()
	for i, file := range e.Files {
		f.left[file.Path] = append(f.left[file.Path], willLeave{t.ID, &e.Files[i]})
	}
	for _, name := range to.Stale {
		f.left[name] = append(f.left[name], willLeave{task: t.ID})
	}
	return plan.IsDone(), nil
}

// blocking is the task that has to run before it is known what a set of inputs will be.
func (f *Forecast) blocking(t *Task, set []inputs.Input) string {
	for _, task := range slices.Sorted(maps.Keys(t.Upstream)) {
		o, ok := f.outlooks[task]
		if !ok || o.State == UpToDate || o.State == Restored {
			continue
		}
		in := f.folders[task]
		touched := len(in) == 0 || slices.ContainsFunc(set, func(i inputs.Input) bool {
			return i.IsFile() && (in[i.Path] || in[path.Dir(i.Path)])
		})
		switch {
		case touched && o.State == Runs:
			return task
		case touched:
			return o.Until
		}
	}
	return ""
}

// state is what an input will be for a task.
func (f *Forecast) state(t *Task, in inputs.Input) fingerprint.State {
	switch in.Aspect {
	case inputs.Variable, inputs.Installed, inputs.Program:
		return f.results.state(t, in)
	case inputs.Names:
		return f.names(t, in)
	case inputs.Content, inputs.Target, inputs.Presence:
	}
	l, ok := f.leaves(t, in.Path)
	switch {
	case !ok:
		return f.results.state(t, in)
	case l.file == nil:
		return fingerprint.Absent
	}
	switch l.file.Kind {
	case filetree.Folder:
		return fingerprint.PresenceOf(fs.ModeDir | l.file.Mode)
	case filetree.Link:
		if in.Aspect == inputs.Presence {
			return fingerprint.PresenceOf(fs.ModeSymlink)
		}
		return f.results.digests.TargetOf(l.file.Target)
	case filetree.Regular:
	}
	if in.Aspect == inputs.Content {
		return fingerprint.ContentOf(l.file.Digest)
	}
	return fingerprint.PresenceOf(l.file.Mode)
}

// leaves is what the last known result before a task leaves at a path.
func (f *Forecast) leaves(t *Task, name string) (l willLeave, ok bool) {
	for _, l := range slices.Backward(f.left[name]) {
		if t.Upstream[l.task] {
			return l, true
		}
	}
	return l, false
}

// names is what a task will find in a folder.
func (f *Forecast) names(t *Task, in inputs.Input) fingerprint.State {
	added, gone := []string{}, map[string]bool{}
	for name := range f.left {
		if path.Dir(name) != in.Path || name == in.Path {
			continue
		}
		if l, ok := f.leaves(t, name); ok && l.file != nil {
			added = append(added, path.Base(name))
		} else if ok {
			gone[path.Base(name)] = true
		}
	}
	if len(added) == 0 && len(gone) == 0 {
		return f.results.state(t, in)
	}
	there := f.results.owners.Hidden(t.ID, in.Path)
	entries, _ := os.ReadDir(f.results.abs(in.Path)) // it may be made first
	for _, e := range entries {
		there = append(there, e.Name())
	}
	there = slices.DeleteFunc(append(there, added...), func(name string) bool { return gone[name] })
	slices.Sort(there)
	return fingerprint.NamesOf(slices.Compact(there), f.results.uncounted(t, in.Path))
}
