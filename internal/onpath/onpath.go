// Package onpath tells which program PATH leads to for a name, and whether it is the same as before. A program
// that is run by its name is another one as soon as PATH, or a folder on it, leads to another file, although
// the first is still there.
package onpath

import (
	"os"
	"path/filepath"
	"sync"

	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/pathrole"
)

// Programs remembers what PATH leads to in a run. It may be used by several goroutines.
type Programs struct {
	// Content is the state of a file that counts by its content.
	Content func(file string) fingerprint.State

	mu    sync.Mutex
	found map[[2]string]Program // by PATH and name
}

// Program is what PATH leads to.
type Program struct {
	// File is where it is, which is no link. It is empty if there is none.
	File string
	// State is the same on all machines on which it is the same program: that of a package manager is its
	// version, wherever it is installed.
	State fingerprint.State
}

// Find returns the program that a PATH leads to for a name. Those of known count by a version that is an
// input elsewhere.
func (p *Programs) Find(path, name string, known map[string]bool) Program {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := [2]string{path, name}
	f, ok := p.found[key]
	if !ok {
		f.File = find(path, name)
		f.State = p.state(f.File, known)
		if p.found == nil {
			p.found = map[[2]string]Program{}
		}
		p.found[key] = f
	}
	return f
}

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

func (p *Programs) state(file string, known map[string]bool) fingerprint.State {
	switch {
	case file == "":
		return fingerprint.Absent
	case known[file]:
		return "counts by its version"
	}
	if dir := pathrole.Manager(file); dir != "" {
		if m, mistake := packagejson.Parse(folder.Read(dir, "package.json")); mistake == nil && m.Version != "" {
			return fingerprint.State("version " + m.Version)
		}
	}
	if pathrole.OfSystem(file) && !pathrole.Within("/usr/local", file) {
		return "of the system"
	}
	return p.Content(file)
}
