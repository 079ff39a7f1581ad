// Package glob finds the folders that the patterns of a workspace let in, as the
// package managers do. It never enters node_modules.
package glob

import (
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Negation says what a negated pattern ("!packages/old") takes folders away from.
// The package managers differ in it.
type Negation int

const (
	// FromAll takes them away from every other pattern (pnpm, yarn 4 and newer).
	FromAll Negation = iota
	// FromWildcards takes them away from every pattern with wildcards: a folder that is
	// named stays (bun).
	FromWildcards
	// FromEarlier takes them away from the patterns before it (yarn 2 and 3).
	FromEarlier
	// UntilOverridden takes them away from every other pattern, unless a later
	// pattern lies within the negated one (npm).
	UntilOverridden
	// FromNone ignores it (yarn 1).
	FromNone
)

// Rule is one pattern of a workspace with the negated ones that concern it.
type Rule struct {
	// Text is the pattern as written.
	Text string

	alternatives [][]string // the pattern's segments, once for each form of its braces
	nots         []string
}

// Compile reads a list of patterns. Each one that is not negated makes a rule.
func Compile(patterns []string, negation Negation) []Rule {
	type not struct {
		at      int
		pattern string
	}
	var rules []Rule
	var places []int
	var nots []not
	for i, text := range patterns {
		bare := strings.TrimLeft(text, "!")
		pattern := clean(bare)
		if (len(text)-len(bare))%2 == 1 {
			if negation != FromNone {
				nots = append(nots, not{i, pattern})
			}
			continue
		}
		if negation == UntilOverridden {
			nots = slices.DeleteFunc(nots, func(n not) bool { return excludes(n.pattern, pattern) })
		}
		rule := Rule{Text: text}
		for _, form := range expandBraces(pattern) {
			rule.alternatives = append(rule.alternatives, segments(clean(form)))
		}
		rules = append(rules, rule)
		places = append(places, i)
	}
	for r := range rules {
		if negation == FromWildcards && !hasWildcard(rules[r].Text) {
			continue
		}
		for _, n := range nots {
			if negation != FromEarlier || n.at > places[r] {
				rules[r].nots = append(rules[r].nots, n.pattern)
			}
		}
	}
	return rules
}

// clean drops what does not matter: "./", a slash at either end, and
// backslashes.
func clean(pattern string) string {
	pattern = strings.ReplaceAll(pattern, `\`, "/")
	return path.Clean(strings.TrimLeft(strings.TrimPrefix(pattern, "./"), "/"))
}

func hasWildcard(pattern string) bool { return strings.ContainsAny(pattern, `*?[({`) }

func segments(pattern string) []string {
	if pattern == "." {
		return nil
	}
	return slices.CompactFunc(strings.Split(pattern, "/"), func(a, b string) bool { return a == "**" && b == "**" })
}

// Contains reports whether the rule lets a folder in, given its path from the
// folder of the pattern with forward slashes.
func (r Rule) Contains(dir string) bool {
	if inNodeModules(dir) {
		return false
	}
	for _, pattern := range r.alternatives {
		if matchSegments(pattern, segments(dir)) && !r.excludes(dir) {
			return true
		}
	}
	return false
}

func (r Rule) excludes(dir string) bool {
	return slices.ContainsFunc(r.nots, func(n string) bool { return excludes(n, dir) })
}

// excludes tells whether a negated pattern takes a folder away. It compares the
// folder's package.json, so that "x/**" takes away x itself as well. Unlike in
// other patterns, * matches a leading dot, as in the package managers.
func excludes(pattern, dir string) bool {
	ok, err := doublestar.Match(pattern+"/package.json", dir+"/package.json")
	return ok && err == nil
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

func inNodeModules(dir string) bool {
	return slices.Contains(strings.Split(dir, "/"), "node_modules")
}
