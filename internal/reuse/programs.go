package reuse

import (
	"path/filepath"

	"github.com/heapmage/heapmage/internal/inputs"
	"github.com/heapmage/heapmage/internal/observe"
	"github.com/heapmage/heapmage/internal/onpath"
	"github.com/heapmage/heapmage/internal/pathrole"
)

// ran adds the programs outside of the workspace that were run, or that are links to such,
// by name.
func (v *view) ran(file string, f observe.File) {
	name := filepath.Base(file)
	if (f.Run || f.Target != "") && v.task.Path != "" && !v.programs[name] {
		v.programs[name] = true
		if found := v.r.program(v.task, name); found.File != "" {
			v.add(inputs.Program, name, found.State)
		}
	}
}

// named reports whether a file outside of the workspace counts by the name of a program, which ran has
// added: what PATH leads to has the same content on other machines, wherever it is there.
func (v *view) named(file string, f observe.File) bool {
	name := filepath.Base(file)
	return f.Run && v.programs[name] && v.r.program(v.task, name).File == file
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
		if found.File == "" || pathrole.Manager(found.File) != dir {
			continue
		}
		if !v.programs[name] {
			v.programs[name] = true
			v.add(inputs.Program, name, found.State)
		}
		return true
	}
	return false
}

// program is what the PATH of a task leads to for a name.
func (r *Results) program(t *Task, name string) onpath.Program {
	return r.programs.Find(t.Path, name, t.Programs)
}
