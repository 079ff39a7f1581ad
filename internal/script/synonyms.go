package script

import (
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/workspace"
)

// LintFix is the target that lints and fixes what it can.
const LintFix = "lint:fix"

// synonyms are the names that packages give to the script of a target, the most
// usual first.
var synonyms = map[string][]string{
	"build":     {"build", "compile", "build:clean"},
	"typecheck": {"typecheck", "type-check", "check-types", "types", "typecheck:all", "check:types", "ts:check", "tsc", "quality:typecheck"},
	"test":      {"test", "tests", "test:unit", "unit", "quality:test"},
	"lint":      {"lint", "eslint", "lint:check", "check:lint", "quality:lint"},
	LintFix:     {"lint:fix", "fix", "lint-fix", "fix:lint", "format:lint"},
	"clean":     {"clean", "clean:build", "clean:dist"},
	"bundle":    {"bundle", "build:bundle"},
}

// Names are what the script of a target may be called, the most usual first. A target
// without synonyms is the name of a script.
func Names(target string) []string {
	if names, ok := synonyms[target]; ok {
		return names
	}
	return []string{target}
}

// IsTest reports whether a script of this name runs tests: "test", "test:unit", "e2e".
// Tests often have time limits.
func IsTest(name string) bool {
	words := strings.FieldsFunc(name, func(r rune) bool { return r == ':' || r == '-' || r == '_' || r == '.' })
	return slices.ContainsFunc(words, func(word string) bool { return slices.Contains(testWords, word) })
}

var testWords = []string{"test", "tests", "unit", "e2e", "integration", "spec"}

// Find returns the name of a package's script for a target, and whether there is
// one.
func Find(pkg *workspace.Package, target string) (name string, ok bool) {
	for _, name := range Names(target) {
		if _, ok := pkg.Scripts[name]; ok {
			return name, true
		}
	}
	return "", false
}
