package script

import (
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/scripttext"
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
func IsTest(name string) bool { return hasWord(name, testWords) }

// Checks reports whether a script of this name makes no files that another package reads:
// it tests, lints, or formats sources.
func Checks(name string) bool {
	return hasWord(name, slices.Concat(testWords, checkWords)) && !hasWord(name, buildWords)
}

func hasWord(name string, words []string) bool {
	own := strings.FieldsFunc(name, func(r rune) bool { return r == ':' || r == '-' || r == '_' || r == '.' })
	return slices.ContainsFunc(own, func(word string) bool { return slices.Contains(words, word) })
}

var (
	testWords  = []string{"test", "tests", "unit", "e2e", "integration", "spec"}
	checkWords = []string{
		"lint", "eslint", "stylelint", "oxlint", "biome", "format", "fmt", "prettier", "check", "checks", "typecheck", "verify", "audit",
		"coverage", "cov", "jest", "vitest", "mocha", "ava", "tap", "karma", "cypress", "playwright", "bench", "benchmark",
	}
	buildWords = []string{"build", "compile", "bundle", "dist", "gen", "generate", "codegen", "prepare"}
)

// Find returns the name of a package's script for a target, and whether there is one. A
// synonym counts only if its text agrees: "build:clean" often does nothing but "rm -rf dist",
// and "clean:build" may build.
func Find(pkg *workspace.Package, target string) (name string, ok bool) {
	for i, name := range Names(target) {
		if _, ok := pkg.Scripts[name]; ok && (i == 0 || agrees(pkg.Scripts, name, target)) {
			return name, true
		}
	}
	return "", false
}

// agrees reports whether the text of a script does not contradict a target.
func agrees(scripts map[string]string, name, target string) bool {
	if target != "clean" {
		return !scripttext.OnlyDeletes(scripts, name)
	}
	return !slices.ContainsFunc(scripttext.Called(scripts, name, false), func(called string) bool { return slices.Contains(synonyms["build"], called) && called != name })
}
