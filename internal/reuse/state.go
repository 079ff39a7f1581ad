package reuse

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/inputs"
	"github.com/heapmage/heapmage/internal/ownership"
	"github.com/heapmage/heapmage/internal/pathrole"
)

// now returns what the inputs are for a task now.
func (r *Results) now(t *Task, set []inputs.Input) []inputs.Known {
	all := make([]inputs.Known, len(set))
	type look struct {
		path     string
		presence fingerprint.State
	}
	var looks []look // at files whose content counts, in the order of their paths
	for i, in := range set {
		all[i].Input = in
		if covered := r.owners.IsShared(in.Path); covered || in.Aspect != inputs.Content && in.Aspect != inputs.Presence {
			all[i].State = r.state(t, in)
			continue
		}
		if in.Aspect == inputs.Content {
			l := look{path: in.Path}
			all[i].State, l.presence = r.digests.Look(r.abs(in.Path))
			looks = append(looks, l)
			continue
		}
		at, ok := slices.BinarySearchFunc(looks, in.Path, func(l look, path string) int { return strings.Compare(l.path, path) })
		if ok {
			all[i].State = looks[at].presence
		} else {
			all[i].State = r.digests.Presence(r.abs(in.Path))
		}
	}
	return all
}

// state is what an input is for a task now. A file that an upstream task wrote, and the task
// itself or one after it wrote over, is as the upstream one left it.
func (r *Results) state(t *Task, in inputs.Input) fingerprint.State {
	path := r.abs(in.Path)
	switch in.Aspect {
	case inputs.Variable:
		return inputs.VariableState(t.Variables(in.Path))
	case inputs.Installed:
		state, _, _ := t.installed(path)
		return fingerprint.State(state)
	case inputs.Names:
		return r.names(t, in.Path)
	case inputs.Program:
		return r.program(t, in.Path).State
	case inputs.Content, inputs.Target, inputs.Presence: // of a file, which tasks may have written
	}
	if l, ok := r.owners.Covered(t.ID, t.Upstream, in.Path); ok {
		if s, ok := r.left(l, in); ok {
			return s
		}
	}
	switch in.Aspect {
	case inputs.Content:
		return r.digests.Content(path)
	case inputs.Target:
		return r.digests.Target(path)
	default:
		return r.digests.Presence(path)
	}
}

// installed is Installed; without one nothing is in a package.
func (t *Task) installed(file string) (state, dir string, ok bool) {
	if t.Installed == nil {
		return "", "", false
	}
	return t.Installed(file)
}

// left is an input as a task left it.
func (r *Results) left(l ownership.Left, in inputs.Input) (fingerprint.State, bool) {
	link, isLink := strings.CutPrefix(string(l.State), "link to ")
	switch {
	case in.Aspect == inputs.Content:
		return l.State, true
	case in.Aspect == inputs.Target && isLink:
		return r.digests.TargetOf(link), true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.placed[l.Task]; e != nil {
		for _, f := range e.Files {
			if f.Path == in.Path && f.Kind == filetree.Regular {
				return fingerprint.PresenceOf(f.Mode), true
			}
		}
	}
	return "", false
}

// names is what a task finds in a folder.
func (r *Results) names(t *Task, dir string) fingerprint.State {
	hidden := r.owners.Hidden(t.ID, dir)
	if hidden == nil {
		return r.digests.Names(r.abs(dir), r.uncounted(t, dir))
	}
	entries, _ := os.ReadDir(r.abs(dir)) // it may be gone itself
	for _, e := range entries {
		hidden = append(hidden, e.Name())
	}
	slices.Sort(hidden)
	return fingerprint.NamesOf(slices.Compact(hidden), r.uncounted(t, dir))
}

// uncounted returns which names of a folder mean nothing to a task: what it writes itself,
// what tasks write that do not come before it, and folders of tools.
func (r *Results) uncounted(t *Task, dir string) func(name string) bool {
	return func(name string) bool {
		at := path.Join(dir, name)
		return pathrole.Unseen(at) || r.owners.Foreign(t.Upstream, at)
	}
}

// abs is the file of an input.
func (r *Results) abs(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.root, filepath.FromSlash(path))
}

// rel is a path relative to the workspace, with slashes; one outside stays as it is.
func (r *Results) rel(path string) (rel string, inside bool) {
	if path == r.root {
		return ".", true
	}
	if rest, ok := strings.CutPrefix(path, r.root+string(filepath.Separator)); ok {
		return filepath.ToSlash(rest), true
	}
	return path, false
}
