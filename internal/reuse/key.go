package reuse

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/ownership"
	"github.com/heapmage/heapmage/internal/pathrole"
)

// format changes whenever keys mean something else, or what is kept with them does.
const format = "2"

// A key has two steps, as in the direct mode of ccache. The weak key is of what is known
// before a task runs. It leads to the sets of paths that earlier runs met, and what those
// are now gives the strong key, which leads to a result.

// aspect is the respect in which a path is an input.
type aspect string

// The aspects. A variable and a program have a name in place of a path.
const (
	content  aspect = "content"
	presence aspect = "presence"
	target   aspect = "target"
	names    aspect = "names"
	variable aspect = "variable"
	packaged aspect = "installed" // of a package's folder in node_modules
	program  aspect = "program"   // that PATH leads to for a name
)

// input is a path that a task depends on. It is relative to the workspace, with slashes, or
// absolute if it is outside.
type input struct {
	Aspect aspect `json:"aspect"`
	Path   string `json:"path"`
}

// known is an input with its state when the task ran.
type known struct {
	input
	State fingerprint.State `json:"state"`
}

// weak returns the weak key of a task.
func (t *Task) weak() cache.Key {
	parts := []string{format, t.ID}
	for _, name := range slices.Sorted(maps.Keys(t.Parts)) {
		parts = append(parts, name, t.Parts[name])
	}
	return cache.Key(fingerprint.Sum(parts...))
}

// strong returns the strong key of a task whose inputs are in these states.
func strong(weak cache.Key, inputs []known) cache.Key {
	return cache.Key(fingerprint.SumOf(func(yield func(string) bool) {
		if !yield(weak.String()) {
			return
		}
		for _, i := range inputs {
			if !yield(string(i.Aspect)) || !yield(i.Path) || !yield(string(i.State)) {
				return
			}
		}
	}))
}

// textsOf are inputs as they are kept: each a text of an aspect and a path, as texts are read
// the fastest.
func textsOf(inputs []known) []string {
	set := make([]string, len(inputs))
	for i, in := range inputs {
		set[i] = string(in.Aspect) + " " + in.Path
	}
	return set
}

// parseSet decodes a set of inputs.
func parseSet(text json.RawMessage) ([]input, error) {
	var texts []string
	if err := json.Unmarshal(text, &texts); err != nil {
		return nil, err
	}
	return inputsOf(texts), nil
}

// inputsOf is the opposite of textsOf.
func inputsOf(texts []string) []input {
	set := make([]input, len(texts))
	for i, text := range texts {
		a, path, _ := strings.Cut(text, " ")
		set[i] = input{aspect(a), path}
	}
	return set
}

// now returns what the inputs are for a task now.
func (r *Results) now(t *Task, set []input) []known {
	all := make([]known, len(set))
	type look struct {
		path     string
		presence fingerprint.State
	}
	var looks []look // at files whose content counts, in the order of their paths
	for i, in := range set {
		all[i].input = in
		if covered := r.owners.IsShared(in.Path); covered || in.Aspect != content && in.Aspect != presence {
			all[i].State = r.state(t, in)
			continue
		}
		if in.Aspect == content {
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

// isFile reports whether the input is about a file of the workspace or outside of it, which
// a task may write.
func (i input) isFile() bool {
	return i.Aspect != variable && i.Aspect != packaged && i.Aspect != program
}

// state is what an input is for a task now. A file that an upstream task wrote, and the task
// itself or one after it wrote over, is as the upstream one left it.
func (r *Results) state(t *Task, in input) fingerprint.State {
	path := r.abs(in.Path)
	switch in.Aspect {
	case variable:
		return variableState(t.Variables(in.Path))
	case packaged:
		state, _, _ := t.installed(path)
		return fingerprint.State(state)
	case names:
		return r.names(t, in.Path)
	case program:
		return r.program(t, in.Path)
	case content, target, presence: // of a file, which tasks may have written
	}
	if l, ok := r.owners.Covered(t.ID, t.Upstream, in.Path); ok {
		if s, ok := r.left(l, in); ok {
			return s
		}
	}
	switch in.Aspect {
	case content:
		return r.digests.Content(path)
	case target:
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
func (r *Results) left(l ownership.Left, in input) (fingerprint.State, bool) {
	link, isLink := strings.CutPrefix(string(l.State), "link to ")
	switch {
	case in.Aspect == content:
		return l.State, true
	case in.Aspect == target && isLink:
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

// variableState is the state of an environment variable. Its value cannot be told from it.
func variableState(value string, set bool) fingerprint.State {
	if !set {
		return fingerprint.Absent
	}
	return fingerprint.State("value " + fingerprint.Sum(value).String())
}

// uncounted returns which names of a folder mean nothing to a task: what it writes itself,
// what tasks write that do not come before it, and folders of tools.
func (r *Results) uncounted(t *Task, dir string) func(name string) bool {
	return func(name string) bool {
		path := join(dir, name)
		return pathrole.Unseen(path) || r.owners.Foreign(t.Upstream, path)
	}
}

func join(dir, name string) string {
	if dir == "." || dir == "" {
		return name
	}
	return dir + "/" + name
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
