package reuse

import (
	"os"
	"path/filepath"
	"sync"

	"github.com/heapmage/heapmage/internal/fingerprint"
	folders "github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/inputs"
	"github.com/heapmage/heapmage/internal/observe"
	"github.com/heapmage/heapmage/internal/packagejson"
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
		if found := v.r.program(v.task, name); found.file != "" {
			v.add(inputs.Program, name, found.state)
		}
	}
}

// named reports whether a file outside of the workspace counts by the name of a program, which ran has
// added: what PATH leads to has the same content on other machines, wherever it is there.
func (v *view) named(file string, f observe.File) bool {
	name := filepath.Base(file)
	return f.Run && v.programs[name] && v.r.program(v.task, name).file == file
}

// managed reports whether a file outside of the workspace belongs to a package manager that PATH leads to,
// and adds that by its version.
func (v *view) managed(file string) bool {
	dir := pathrole.Manager(file)
	if dir == "" {
		return false
	}
	for _, name := range pathrole.ManagerPrograms {
		found := v.r.program(v.task, name)
		if found.file == "" || pathrole.Manager(found.file) != dir {
			continue
		}
		if !v.programs[name] {
			v.programs[name] = true
			v.add(inputs.Program, name, found.state)
		}
		return true
	}
	return false
}

// paths remembers what PATH leads to in this run.
type paths struct {
	mu    sync.Mutex
	found map[[2]string]found // by PATH and name
}

// found is what PATH leads to.
type found struct {
	file  string // no link; empty if there is none
	state fingerprint.State
}

// program is what the PATH of a task leads to for a name.
func (r *Results) program(t *Task, name string) found {
	r.paths.mu.Lock()
	defer r.paths.mu.Unlock()
	key := [2]string{t.Path, name}
	f, ok := r.paths.found[key]
	if !ok {
		f.file = find(t.Path, name)
		f.state = r.programState(t, f.file)
		r.paths.found[key] = f
	}
	return f
}

// find returns the file that a PATH leads to.
func find(path, name string) string {
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 || !filepath.IsAbs(dir) {
			continue
		}
		file, _ = filepath.EvalSymlinks(file) // it was there just now
		return file
	}
	return ""
}

func (r *Results) programState(t *Task, file string) fingerprint.State {
	switch {
	case file == "":
		return fingerprint.Absent
	case t.Programs[file]:
		return "counts by its version"
	}
	if dir := pathrole.Manager(file); dir != "" {
		if m, mistake := packagejson.Parse(folders.Read(dir, "package.json")); mistake == nil && m.Version != "" {
			return fingerprint.State("version " + m.Version)
		}
	}
	if pathrole.OfSystem(file) && !pathrole.Within("/usr/local", file) {
		return "of the system"
	}
	return r.digests.Content(file)
}
