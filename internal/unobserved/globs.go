package unobserved

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// declared adds the files that are declared for all tasks, and those for this one: beside the
// package's files, or in place of them.
func (g *gathering) declared(own []string) {
	for _, name := range g.globs("", g.k.Declared.GlobalDependencies()) {
		g.files[name] = true
	}
	pkg := g.task.Package
	reads := g.k.Declared.Task(pkg, g.task.Target, g.task.Script).Reads
	var globs, nots []string
	for _, glob := range reads.Globs {
		if not, ok := strings.CutPrefix(glob, "!"); ok {
			nots = append(nots, not)
		} else {
			globs = append(globs, glob)
		}
	}
	for _, name := range own {
		always := slices.Contains([]string{"package.json", "turbo.json", "turbo.jsonc", "project.json"}, within(pkg.Dir, name))
		if always || (!reads.Instead || matches(globs, name)) && !matches(nots, name) {
			g.files[name] = true
		}
	}
	for _, name := range g.globs("", globs) {
		if !matches(nots, name) && !(reads.Listed && isIn(pkg.Dir, name)) {
			g.files[name] = true
		}
	}
}

// matches reports whether any of the globs matches a file.
func matches(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool {
		match, _ := doublestar.Match(glob, name)
		return match
	})
}

// globs are the files that patterns match below a folder, ignored or not, but no outputs.
func (g *gathering) globs(base string, patterns []string) (names []string) {
	excludes := func(name string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool {
			without, ok := strings.CutPrefix(pattern, "!")
			match, _ := doublestar.Match(path.Join(base, without), name)
			return ok && match
		})
	}
	for _, pattern := range patterns {
		if strings.HasPrefix(pattern, "!") || strings.HasPrefix(pattern, "$") { // turbo 1 had variables here
			continue
		}
		for _, name := range g.k.glob(path.Join(base, pattern)) {
			if !excludes(name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// glob are the files that a pattern matches in the workspace. What a run finds once is taken
// to be all: a pattern such as "**/.env" has all of the workspace be walked.
func (k *Tasks) glob(pattern string) []string {
	if !filepath.IsLocal(filepath.FromSlash(pattern)) {
		return nil
	}
	k.mu.Lock()
	names, known := k.matched[pattern]
	k.mu.Unlock()
	if !known {
		base, _ := doublestar.SplitPattern(pattern)
		names = k.match(base, pattern)
	}
	if strings.HasPrefix(pattern, "**") {
		k.mu.Lock()
		k.matched[pattern] = names
		k.mu.Unlock()
	}
	return names
}

func (k *Tasks) match(base, pattern string) (names []string) {
	if info, err := os.Lstat(k.abs(pattern)); err == nil && !info.IsDir() {
		return []string{pattern}
	}
	for _, rel := range k.walk(base) {
		if match, _ := doublestar.Match(pattern, rel); match {
			names = append(names, rel)
		}
	}
	return names
}
