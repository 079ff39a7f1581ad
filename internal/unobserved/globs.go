package unobserved

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Turborepo's words in inputs.
const (
	turboDefault = "$TURBO_DEFAULT$"
	turboRoot    = "$TURBO_ROOT$/"
)

// nxRoot stands for the workspace in an input of Nx, and nxPackage for the package.
const (
	nxRoot    = "{workspaceRoot}/"
	nxPackage = "{projectRoot}/"
)

// declared adds the files of the package, and those that are declared beside them. The inputs
// in a turbo.json stand in place of the package's files, as they do with turbo. Those of
// others are added: what names like "production" of Nx leave out is not known here.
func (g *gathering) declared(own []string) {
	for _, name := range g.globs("", g.k.Declared.GlobalDependencies()) {
		g.files[name] = true
	}
	pkg := g.task.Package
	d := g.k.Declared.Task(pkg, g.task.Target, g.task.Script).Inputs
	instead := strings.Contains(d.From, "turbo.json") && len(d.Value) > 0 && !slices.Contains(d.Value, turboDefault)
	excluded := map[string]bool{}
	var wanted []string
	for _, pattern := range d.Value {
		rest, without := strings.CutPrefix(pattern, "!")
		base := pkg.Dir
		for _, root := range []string{turboRoot, nxRoot} {
			if inRoot, ok := strings.CutPrefix(rest, root); ok {
				rest, base = inRoot, "."
			}
		}
		rest = strings.TrimPrefix(rest, nxPackage)
		switch {
		case without && strings.Contains(d.From, "turbo.json"):
			for _, name := range own {
				if match, _ := doublestar.Match(path.Join(base, rest), name); match {
					excluded[name] = true
				}
			}
		case without || rest == turboDefault || strings.ContainsAny(rest[:min(1, len(rest))], "^{"):
		default:
			wanted = append(wanted, g.globs(base, []string{rest})...)
		}
	}
	always := []string{path.Join(pkg.Dir, "package.json"), path.Join(pkg.Dir, "turbo.json"), path.Join(pkg.Dir, "turbo.jsonc")}
	for _, name := range own {
		if !instead && !excluded[name] || slices.Contains(always, name) {
			g.files[name] = true
		}
	}
	for _, name := range wanted {
		if !excluded[name] {
			g.files[name] = true
		}
	}
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
