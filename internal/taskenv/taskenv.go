// Package taskenv decides which environment variables a cached task gets, and which of
// them change its result. What it cannot know of is withheld, so that no result depends on
// it. All but the Scanner are functions of values.
package taskenv

import (
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/lazyregexp"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// Mode is whose rules hold.
type Mode int

// The modes. The last two are those of a repository with a turbo.json.
const (
	// Found passes what the task is known to read, and what programs need in general.
	Found Mode = iota
	// Strict passes what is declared, and what Turborepo always passes.
	Strict
	// Loose passes everything.
	Loose
)

// Question is what decides for a task.
type Question struct {
	// Environ is the environment of the run, "NAME=value".
	Environ []string
	Mode    Mode
	// Env and PassThrough are the patterns that are declared for the task, those for all
	// tasks included: "*" stands for any text, "!" in front excludes. Env are keyed.
	Env, PassThrough []string
	// Dependencies are the names of all that the package depends on. Some stand for a
	// framework, with variables of its own.
	Dependencies []string
	// Scripts are the texts of the task's scripts.
	Scripts []string
	// Names are the variables that the package's sources name: see Scanner.
	Names []string
	// Test is set for a test: it may depend on language, time zone and CI without naming
	// them.
	Test bool
}

// Answer is the environment of the task.
type Answer struct {
	// Pass are the variables that it gets, in the order of Environ.
	Pass []string
	// Keyed are those that change its result: "NAME=digest of the value", sorted. A value
	// itself is never in it.
	Keyed []string
	// Withheld are the names of those that it does not get, sorted.
	Withheld []string
}

// Decide answers.
func Decide(q Question) (a Answer) {
	r := q.rules()
	seen := map[string]bool{}
	for k, entry := range slices.Backward(q.Environ) {
		// On Windows "=C:=C:\folder" is a variable.
		at := strings.Index(entry[min(1, len(entry)):], "=") + 1
		if at < 1 {
			continue
		}
		name, value := entry[:at], entry[at+1:]
		if seen[foldName(name)] {
			continue // only the last one counts
		}
		seen[foldName(name)] = true
		switch r.of(name) {
		case keyed:
			a.Keyed = append(a.Keyed, foldName(name)+"="+fingerprint.Sum(foldName(name), r.value(name, value)).String())
			a.Pass = append(a.Pass, q.Environ[k])
		case passed:
			a.Pass = append(a.Pass, q.Environ[k])
		case withheld:
			a.Withheld = append(a.Withheld, name)
		}
	}
	slices.Reverse(a.Pass)
	slices.Sort(a.Keyed)
	slices.Sort(a.Withheld)
	return a
}

// folds reports whether the system takes "a" and "A" for one name.
var folds = environ.SameName("a", "A")

// foldName is a name as the system compares it.
func foldName(name string) string {
	if folds {
		return strings.ToUpper(name)
	}
	return name
}

type fate int

const (
	withheld fate = iota
	passed
	keyed
)

// rules are a question in the form in which names are looked up.
type rules struct {
	mode              Mode
	declared, through *patterns
	named             *patterns
	usual, always     *patterns // usual are passed, and keyed if they are named
}

// The lists that are the same for all tasks.
var (
	never, seldom, ofTurbo = parsePatterns(neverKeyed), parsePatterns(seldomKeyed), parsePatterns(turboPasses)
	nothing                = parsePatterns(nil)
)

func (q *Question) rules() *rules {
	r := &rules{mode: q.Mode, declared: parsePatterns(q.Env), through: parsePatterns(q.PassThrough), named: nothing, usual: nothing}
	// What is excluded by a declaration is excluded from what a framework has, too.
	r.declared.add(frameworkPatterns(q.Dependencies))
	if q.Mode != Found {
		r.always = ofTurbo
		return r
	}
	r.always, r.usual = never, seldom
	r.named = parsePatterns(alwaysKeyed)
	if q.Test {
		r.named.add(keyedInTests)
	}
	for _, text := range q.Scripts {
		r.named.add(inScript(text))
	}
	r.named.add(q.Names)
	return r
}

// of decides on a variable.
func (r *rules) of(name string) fate {
	switch {
	case strings.HasPrefix(name, environ.Prefix), environ.SameName(name, environ.GoMemLimit):
		return passed // our own and those on memory never change a key
	case r.declared.match(name):
		return keyed
	case r.through.match(name), r.always.match(name):
		return passed
	case r.named.match(name):
		return keyed
	case r.usual.match(name), r.mode == Loose:
		return passed
	}
	return withheld
}

// memoryOption is an option of Node on memory, as NODE_OPTIONS has it.
var memoryOption = lazyregexp.New(`--(?:max|min|initial)[-_](?:old[-_]space|semi[-_]space|heap|young[-_]generation)[-_]size(?:=|\s+)\S+|--max[-_]old[-_]space[-_]size[-_]percentage(?:=|\s+)\S+`)

// value is the value of a variable without what changes no result: what an outer run of
// ours added, and limits of memory.
func (r *rules) value(name, value string) string {
	if !environ.SameName(name, environ.NodeOptions) {
		return value
	}
	words := strings.Fields(memoryOption().ReplaceAllString(value, ""))
	return strings.Join(slices.DeleteFunc(words, v8heap.IsPreload), " ")
}

// patterns are names of variables, with "*" for any text.
type patterns struct {
	names           map[string]bool // without "*"
	globs, excluded []string
}

func parsePatterns(list []string) *patterns {
	p := &patterns{names: map[string]bool{}}
	p.add(list)
	return p
}

func (p *patterns) add(list []string) {
	for _, pattern := range list {
		if rest, ok := strings.CutPrefix(pattern, "!"); ok {
			p.excluded = append(p.excluded, foldName(rest))
		} else if pattern = foldName(pattern); strings.Contains(pattern, "*") {
			p.globs = append(p.globs, pattern)
		} else {
			p.names[pattern] = true
		}
	}
}

func (p *patterns) match(name string) bool {
	name = foldName(name)
	matches := func(glob string) bool { return matchGlob(glob, name) }
	return (p.names[name] || slices.ContainsFunc(p.globs, matches)) && !slices.ContainsFunc(p.excluded, matches)
}

// matchGlob matches a pattern with "*" for any text.
func matchGlob(glob, name string) bool {
	head, rest, wild := strings.Cut(glob, "*")
	if !wild {
		return glob == name
	}
	if !strings.HasPrefix(name, head) {
		return false
	}
	name = name[len(head):]
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(name, part)
		}
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name, rest = name[at+len(part):], after
	}
}
