package reuse

import (
	"os"
	"path/filepath"
	"sync"

	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/inputs"
	"github.com/heapmage/heapmage/internal/observe"
	"github.com/heapmage/heapmage/internal/pathrole"
)

// A program that is run by its name is another one as soon as PATH, or a folder on it, leads
// to another file, although the first is still there.

// ran adds the programs outside of the workspace that were run, or that are links to such,
// by name.
func (v *view) ran(file string, f observe.File) {
	name := filepath.Base(file)
	if (f.Run || f.Target != "") && v.task.Path != "" && !v.programs[name] {
		v.programs[name] = true
		if state := v.r.program(v.task, name); state != fingerprint.Absent {
			v.add(inputs.Program, name, state)
		}
	}
}

// paths remembers what PATH leads to in this run.
type paths struct {
	mu    sync.Mutex
	found map[[2]string]fingerprint.State // by PATH and name
}

// program is the state of what the PATH of a task leads to for a name.
func (r *Results) program(t *Task, name string) fingerprint.State {
	r.paths.mu.Lock()
	defer r.paths.mu.Unlock()
	key := [2]string{t.Path, name}
	state, ok := r.paths.found[key]
	if !ok {
		state = r.find(t, name)
		r.paths.found[key] = state
	}
	return state
}

func (r *Results) find(t *Task, name string) fingerprint.State {
	for _, dir := range filepath.SplitList(t.Path) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 || !filepath.IsAbs(dir) {
			continue
		}
		file, err := filepath.EvalSymlinks(file)
		switch {
		case err != nil:
			return fingerprint.Absent
		case t.Programs[file]:
			return "counts by its version"
		case pathrole.OfSystem(file) && !pathrole.Within("/usr/local", file):
			return "of the system"
		}
		return r.digests.Content(file)
	}
	return fingerprint.Absent
}
