package taskenv

import (
	"bytes"
	"maps"
	"regexp"
	"slices"

	"github.com/heapmage/heapmage/internal/lazyregexp"
)

var (
	inShell   = lazyregexp.New(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)
	inCommand = lazyregexp.New(`%([A-Za-z_][A-Za-z0-9_]*)%`)
)

// inScript returns the variables that the text of a package script names: $X, ${X} and, on
// Windows, %X%. Some may be names of the shell's own.
func inScript(text string) []string {
	found := map[string]bool{}
	collect(found, []byte(text), inShell())
	collect(found, []byte(text), inCommand())
	return slices.Sorted(maps.Keys(found))
}

// env stands for the environment in JavaScript.
const env = `(?:\bprocess\s*\??\.\s*env|\bimport\s*\.\s*meta\s*\??\.\s*env|\b(?:Bun|Deno)\s*\.\s*env)\b`

const cast = `(?:(?:\s+as\s+[^()\n]*)?\))?`

const identifier = `([A-Za-z_$][A-Za-z0-9_$]*)`

var (
	// process.env.X and process.env["X"], and what TypeScript allows between: process.env!.X
	// and (process.env as any).X
	member = lazyregexp.New(env + cast + `\s*!?\s*\??\.\s*` + identifier)
	index  = lazyregexp.New(env + cast + `\s*!?\s*(?:\?\.)?\s*\[\s*(?:"([^"\n]+)"|'([^'\n]+)'|` + "`([^`\n$]+)`" + `)\s*\]`)
	// Deno.env.get("X"), and env("X") of Prisma and others
	call = lazyregexp.New(`\benv\s*(?:\.\s*get\s*)?\(\s*["'` + "`" + `]([A-Za-z_][A-Za-z0-9_]*)["'` + "`" + `]`)
	// "X" in process.env
	inside = lazyregexp.New(`["']([A-Za-z_][A-Za-z0-9_]*)["']\s+in\s+` + env)
	// const { X, Y: y = 1 } = process.env
	taken = lazyregexp.New(`\{([^{}]*)\}\s*(?::[^=;{}]*)?=\s*` + env)
	key   = lazyregexp.New(`(?:^|,)\s*["']?` + identifier)
	// const e = process.env, and import { env as e } from "node:process"
	alias    = lazyregexp.New(`\b` + identifier + `\s*(?::[^=;(){}]*)?=\s*` + env + `\s*(?:[;,)\n]|$)`)
	imported = lazyregexp.New(`\{[^{}]*\benv\b(?:\s*(?:as\s+|:\s*)` + identifier + `)?[^{}]*\}\s*(?:from\s*|=\s*require\s*\(\s*)["'](?:node:)?process["']`)
	// { env } = process
	ofProcess = lazyregexp.New(`\{[^{}]*\benv\b(?:\s*:\s*` + identifier + `)?[^{}]*\}\s*=\s*process\b`)
	// import { X } from "$env/static/private", and import { env } from "$env/dynamic/private"
	svelte  = lazyregexp.New(`\{([^{}]*)\}\s*from\s*["']\$env/`)
	comment = lazyregexp.New(`(?m)/\*[^*]*(?:\*+[^*/][^*]*)*\*+/|//[^\n]*$`)
)

// inSource returns the variables that a text in JavaScript or one of its relatives names,
// sorted. Names in comments and texts may be among them; those that are made while the
// program runs (process.env[name]) are not.
func inSource(text []byte) []string {
	if !bytes.Contains(text, []byte("env")) {
		return nil
	}
	found := map[string]bool{}
	for _, pattern := range []*regexp.Regexp{member(), index(), call(), inside()} {
		collect(found, text, pattern)
	}
	aliases := map[string]bool{}
	for _, pattern := range []*regexp.Regexp{alias(), imported(), ofProcess()} {
		for _, m := range pattern.FindAllSubmatch(text, -1) {
			if name := string(m[1]); name != "" {
				aliases[name] = true
			} else {
				aliases["env"] = true
			}
		}
	}
	keysIn := func(pattern *regexp.Regexp) {
		for _, m := range pattern.FindAllSubmatch(text, -1) {
			collect(found, comment().ReplaceAll(m[1], nil), key())
		}
	}
	keysIn(taken())
	keysIn(svelte())
	aliases["env"] = aliases["env"] || svelte().Match(text)
	for name, used := range aliases {
		if !used {
			continue
		}
		q := `(?:^|[^.\w$])` + regexp.QuoteMeta(name)
		collect(found, text, regexp.MustCompile(q+`\s*!?\s*\??\.\s*`+identifier))
		collect(found, text, regexp.MustCompile(q+`\s*(?:\?\.)?\[\s*["'`+"`"+`]([^"'`+"`"+`\n$]+)["'`+"`"+`]\s*\]`))
		keysIn(regexp.MustCompile(`\{([^{}]*)\}\s*=\s*` + regexp.QuoteMeta(name) + `\b`))
	}
	return slices.Sorted(maps.Keys(found))
}

// collect adds what the groups of a pattern match.
func collect(found map[string]bool, text []byte, pattern *regexp.Regexp) {
	for _, m := range pattern.FindAllSubmatch(text, -1) {
		for _, name := range m[1:] {
			if len(name) > 0 {
				found[string(name)] = true
			}
		}
	}
}
