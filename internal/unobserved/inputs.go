package unobserved

import (
	"cmp"
	"context"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/git"
	"github.com/heapmage/heapmage/internal/pathrole"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Inputs are the files that a task is taken to read, in order, relative to the workspace, with
// slashes. upstream are the tasks that come before it. Call it when those have ended. fault is
// why they cannot be told; empty if they can.
func (k *Tasks) Inputs(ctx context.Context, t *taskgraph.Task, upstream []*taskgraph.Task) (paths []string, fault string) {
	g := &gathering{k: k, ctx: ctx, task: t, files: map[string]bool{}, dirs: map[string]bool{}}
	own := g.list(t.Package.Dir)
	g.declared(own)
	for _, name := range g.configuration() {
		g.files[name] = true
	}
	for _, dir := range []string{".", t.Package.Dir} {
		g.environmentFiles(dir)
	}
	for _, name := range own {
		g.typescript(name)
	}
	left := g.upstream(upstream)
	g.dependencies(left)
	for {
		next := slices.Sorted(maps.Keys(g.dirs))
		at := slices.IndexFunc(next, func(dir string) bool { return g.dirs[dir] })
		if at < 0 {
			break
		}
		g.dirs[next[at]] = false
		for _, name := range g.list(next[at]) {
			g.files[name] = true
			g.typescript(name)
		}
	}
	for name := range maps.Clone(g.files) {
		g.link(name)
	}
	return slices.Sorted(maps.Keys(g.files)), g.fault
}

// gathering gathers the inputs of a task.
type gathering struct {
	k     *Tasks
	ctx   context.Context
	task  *taskgraph.Task
	files map[string]bool
	dirs  map[string]bool // all of whose files count; true until they are among files
	fault string
}

// all has all files of a folder count.
func (g *gathering) all(dir string) {
	if _, known := g.dirs[dir]; !known && dir != g.task.Package.Dir {
		g.dirs[dir] = true
	}
}

// list lists the files of a folder that are neither ignored nor outputs.
func (g *gathering) list(dir string) (names []string) {
	tracked, ok := g.k.listed(g.ctx, dir)
	if !ok {
		return g.k.walk(dir)
	}
	for name, isTracked := range tracked {
		info, err := os.Lstat(g.k.abs(name))
		switch {
		case err != nil || pathrole.Unseen(name):
		case info.IsDir(): // a repository in this one
			names = append(names, g.k.walk(strings.TrimSuffix(name, "/"))...)
		case isTracked || !g.k.isOutput(g.k.packageOf(name), name):
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// listed are the files of a folder that Git does not ignore. ok is false if Git does not know
// the folder: it is in no repository, or ignored as a whole.
func (k *Tasks) listed(ctx context.Context, dir string) (tracked map[string]bool, ok bool) {
	tracked, ok = git.Listed(ctx, k.Workspace.Root, []string{dir})
	return tracked, ok && len(tracked) > 0
}

// packageOf is the package to which a file belongs.
func (k *Tasks) packageOf(rel string) *workspace.Package {
	return cmp.Or(k.Workspace.Owner(rel), k.Workspace.At("."), &workspace.Package{Dir: "."})
}

// walk lists the files of a folder that are neither installed, nor outputs, nor caches of tools.
func (k *Tasks) walk(dir string) (names []string) {
	_ = filepath.WalkDir(k.abs(dir), func(abs string, d fs.DirEntry, err error) error {
		rel, ok := k.rel(abs)
		switch {
		case err != nil || !ok:
			return nil //nolint:nilerr // no tool can read it either
		case rel != dir && d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || pathrole.Unseen(rel)):
			return fs.SkipDir
		case !d.IsDir() && !pathrole.Unseen(rel) && !k.isOutput(k.packageOf(rel), rel):
			names = append(names, rel)
		}
		return nil
	})
	return names
}

// notConfiguration are files of the root that no tool is configured by: documents, and what
// only heapmage reads. What a lock file says counts by what is installed.
func (g *gathering) notConfiguration(name string) bool {
	upper := strings.ToUpper(name)
	return strings.HasSuffix(upper, ".MD") || strings.HasPrefix(upper, "LICENSE") || strings.HasPrefix(upper, "CHANGELOG") ||
		slices.Contains([]string{"heapmage.yaml", "magefile.go", "go.mod", "go.sum", g.k.Workspace.LockFile}, name)
}

// configuration are the files of the workspace's root that Git does not ignore.
func (g *gathering) configuration() (names []string) {
	entries, _ := os.ReadDir(g.k.Workspace.Root)
	for _, e := range entries {
		if !e.IsDir() && !g.notConfiguration(e.Name()) && !pathrole.Unseen(e.Name()) {
			names = append(names, e.Name())
		}
	}
	ignored := git.Ignored(g.ctx, g.k.Workspace.Root, names)
	return slices.DeleteFunc(names, func(name string) bool { return ignored[name] })
}

// environmentFiles adds those of a folder, ignored or not.
func (g *gathering) environmentFiles(dir string) {
	entries, _ := os.ReadDir(g.k.abs(dir))
	for _, e := range entries {
		if !e.IsDir() && isEnvironmentFile(e.Name()) {
			g.files[path.Join(dir, e.Name())] = true
		}
	}
}

// upstream adds what the tasks before left, or, where that is not known, all files of their
// packages. It returns what they left.
func (g *gathering) upstream(tasks []*taskgraph.Task) map[*workspace.Package][]string {
	left := map[*workspace.Package][]string{}
	for _, t := range tasks {
		files := g.k.Left(t)
		if len(files) == 0 {
			g.all(t.Package.Dir)
		}
		for _, name := range files {
			if info, err := os.Lstat(g.k.abs(name)); err == nil && !info.IsDir() {
				g.files[name] = true
			}
		}
		left[t.Package] = append(left[t.Package], files...)
	}
	return left
}

// link adds what a link leads to.
func (g *gathering) link(name string) {
	info, err := os.Lstat(g.k.abs(name))
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return
	}
	end, err := filepath.EvalSymlinks(g.k.abs(name))
	if err != nil {
		return // it leads nowhere, which is what counts
	}
	rel, inside := g.k.rel(end)
	if info, err = os.Stat(end); err != nil || !inside || info.IsDir() && !isIn(g.task.Package.Dir, rel) {
		g.fault = "its input " + name + " is a link out of its package"
	} else if !info.IsDir() {
		g.files[rel] = true
	}
}
