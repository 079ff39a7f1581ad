package workspace

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// globRule is one pattern of a workspace with the negated ones that bind it.
type globRule struct {
	text string     // as written, for messages
	alts [][]string // the pattern's segments, once for each form of its braces
	nots []string   // patterns that take folders away again
}

// compileGlobs reads a list of patterns the way the manager does. They differ
// in what a negated pattern binds: with pnpm every other one, with yarn Berry
// those before it, with npm and bun all that it was not overridden by, and with
// yarn 1 nothing.
func compileGlobs(patterns []string, m manager) []globRule {
	type negation struct {
		at      int
		pattern string
	}
	var rules []globRule
	var places []int
	var nots []negation
	for i, text := range patterns {
		bare := strings.TrimLeft(text, "!")
		pattern := cleanPattern(bare)
		if (len(text)-len(bare))%2 == 1 {
			if m.name != Yarn || m.berry {
				nots = append(nots, negation{i, pattern})
			}
			continue
		}
		if m.name == NPM || m.name == Bun {
			nots = slices.DeleteFunc(nots, func(n negation) bool { return matches(n.pattern, pattern) })
		}
		rule := globRule{text: text}
		for _, form := range expandBraces(pattern) {
			rule.alts = append(rule.alts, splitPattern(cleanPattern(form)))
		}
		rules = append(rules, rule)
		places = append(places, i)
	}
	for r := range rules {
		for _, n := range nots {
			if m.name != Yarn || n.at > places[r] {
				rules[r].nots = append(rules[r].nots, n.pattern)
			}
		}
	}
	return rules
}

// cleanPattern drops what does not matter: "./", a leading or trailing slash,
// and backslashes.
func cleanPattern(p string) string {
	p = strings.ReplaceAll(p, `\`, "/")
	return path.Clean(strings.TrimLeft(strings.TrimPrefix(p, "./"), "/"))
}

func splitPattern(pattern string) []string {
	if pattern == "." {
		return nil
	}
	segments := strings.Split(pattern, "/")
	return slices.CompactFunc(segments, func(a, b string) bool { return a == "**" && b == "**" })
}

// matches tells whether a negated pattern takes a folder away. It compares the
// folder's package.json, so that "x/**" takes x itself away as well. Names with
// a leading dot are matched too, as the managers do for negations.
func matches(pattern, dir string) bool {
	ok, err := doublestar.Match(pattern+"/package.json", dir+"/package.json")
	return ok && err == nil
}

// contains tells whether the rule lets a folder in, given its path from the root.
func (r globRule) contains(dir string) bool {
	if inNodeModules(dir) {
		return false
	}
	for _, segments := range r.alts {
		if matchSegments(segments, splitPattern(dir)) && !r.excludes(dir) {
			return true
		}
	}
	return false
}

func (r globRule) excludes(dir string) bool {
	return slices.ContainsFunc(r.nots, func(n string) bool { return matches(n, dir) })
}

func matchSegments(pattern, names []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			if matchSegments(pattern[1:], names) {
				return true
			}
			if len(names) == 0 || !enters(names[0]) {
				return false
			}
			names = names[1:]
			continue
		}
		if len(names) == 0 || !matchName(pattern[0], names[0]) {
			return false
		}
		pattern, names = pattern[1:], names[1:]
	}
	return len(names) == 0
}

// enters tells whether "**" goes into a folder of that name.
func enters(name string) bool {
	return !strings.HasPrefix(name, ".") && name != "node_modules" && name != "bower_components"
}

// matchName matches one segment. A leading dot has to be written.
func matchName(pattern, name string) bool {
	if name == "node_modules" || strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
		return false
	}
	if names, ok := strings.CutPrefix(pattern, "!("); ok && strings.HasSuffix(names, ")") {
		for one := range strings.SplitSeq(strings.TrimSuffix(names, ")"), "|") {
			if matchName(one, name) {
				return false
			}
		}
		return true
	}
	ok, err := doublestar.Match(pattern, name)
	return ok && err == nil || pattern == name
}

func hasMeta(segment string) bool { return strings.ContainsAny(segment, `*?[({`) }

func inNodeModules(dir string) bool {
	return slices.Contains(strings.Split(dir, "/"), "node_modules")
}

// mostForms bounds what the braces of one pattern may expand to.
const mostForms = 1000

// expandBraces writes out "{a,b}", which may hold slashes. "@(a|b)" counts as one.
func expandBraces(pattern string) []string {
	open, rest, sep := strings.Cut(pattern, "@(")
	if sep {
		if body, tail, ok := strings.Cut(rest, ")"); ok {
			pattern = open + "{" + strings.ReplaceAll(body, "|", ",") + "}" + tail
		}
	}
	forms := []string{pattern}
	for {
		var next []string
		changed := false
		for _, f := range forms {
			parts := expandOne(f)
			changed = changed || len(parts) > 1
			next = append(next, parts...)
		}
		if !changed || len(next) > mostForms {
			return forms
		}
		forms = next
	}
}

// expandOne writes out the innermost first pair of braces that holds a comma.
func expandOne(pattern string) []string {
	start := -1
	comma := false
	for i, c := range pattern {
		switch c {
		case '{':
			start, comma = i, false
		case ',':
			comma = true
		case '}':
			if start >= 0 && comma {
				var forms []string
				for choice := range strings.SplitSeq(pattern[start+1:i], ",") {
					forms = append(forms, pattern[:start]+choice+pattern[i+1:])
				}
				return forms
			}
			start = -1
		}
	}
	return []string{pattern}
}

// globber finds the folders that rules let in. It never goes into node_modules
// and reads each folder once.
type globber struct {
	root string
	subs map[string][]string // the folders in a folder
}

func newGlobber(root string) *globber {
	return &globber{root: root, subs: map[string][]string{}}
}

// folders returns the folders that the rule lets in, relative to the root, in
// order. A pattern without wildcards is returned whether its folder exists or not.
func (g *globber) folders(r globRule) []string {
	found := map[string]bool{}
	type place struct {
		dir  string
		form int
		left int
	}
	seen := map[place]bool{}
	var visit func(dir string, form int, segments []string)
	visit = func(dir string, form int, segments []string) {
		if at := (place{dir, form, len(segments)}); seen[at] {
			return
		} else {
			seen[at] = true
		}
		if len(segments) == 0 {
			if !inNodeModules(dir) && !r.excludes(dir) {
				found[dir] = true
			}
			return
		}
		switch segment := segments[0]; {
		case segment == "**":
			visit(dir, form, segments[1:])
			for _, sub := range g.in(dir) {
				// A link is followed where a pattern names its level, but not
				// here, where it could lead in a circle.
				if enters(path.Base(sub)) && !strings.HasSuffix(sub, "/") {
					visit(sub, form, segments)
				}
			}
		case !hasMeta(segment):
			visit(path.Join(dir, segment), form, segments[1:])
		default:
			for _, sub := range g.in(dir) {
				sub = strings.TrimSuffix(sub, "/")
				if matchName(segment, path.Base(sub)) {
					visit(sub, form, segments[1:])
				}
			}
		}
	}
	for form, segments := range r.alts {
		visit(".", form, segments)
	}
	dirs := make([]string, 0, len(found))
	for dir := range found {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	return dirs
}

// in returns the folders inside a folder, relative to the root. One that is
// reached through a symbolic link ends in a slash.
func (g *globber) in(dir string) []string {
	if subs, ok := g.subs[dir]; ok {
		return subs
	}
	var subs []string
	entries, _ := os.ReadDir(filepath.Join(g.root, filepath.FromSlash(dir)))
	for _, e := range entries {
		sub := path.Join(dir, e.Name())
		switch {
		case e.IsDir():
			subs = append(subs, sub)
		case e.Type()&fs.ModeSymlink != 0:
			if info, err := os.Stat(filepath.Join(g.root, filepath.FromSlash(sub))); err == nil && info.IsDir() {
				subs = append(subs, sub+"/")
			}
		}
	}
	g.subs[dir] = subs
	return subs
}
