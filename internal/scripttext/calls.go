package scripttext

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Called returns the scripts of the same package that a script has run, directly or
// through each other: "build" for "npm run build && node t.js". With hooks the pre and
// post scripts of all are looked into too. A call in another folder does not count.
func Called(scripts map[string]string, name string, hooks bool) []string {
	var called []string
	var visit func(name string)
	visit = func(name string) {
		for _, event := range events(name, hooks) {
			for _, next := range calledIn(scripts[event], scripts) {
				if !slices.Contains(called, next) {
					called = append(called, next)
					visit(next)
				}
			}
		}
	}
	visit(name)
	return called
}

// events are a script and the scripts that may run around it.
func events(name string, hooks bool) []string {
	if hooks {
		return []string{"pre" + name, name, "post" + name}
	}
	return []string{name}
}

// calledIn returns the scripts that a text calls by itself.
func calledIn(text string, scripts map[string]string) (called []string) {
	away := false // in another folder
	for c := range CommandsWithin(text) {
		switch words := program(c); {
		case len(words) == 0:
		case words[0] == "cd" || words[0] == "pushd":
			away = len(words) < 2 || path.Clean(words[1]) != "."
		case away || slices.Contains(harmless, words[0]):
		default: // the call may stand behind a program that starts it, such as c8
			for i := range words {
				if names, _ := calls(words[i:], scripts); len(names) > 0 {
					called = append(called, names...)
					break
				}
			}
		}
		away = away && !c.EndsSubshell
	}
	return called
}

// calls returns the scripts of the same package that a command has run, and whether it is
// a command that does only that.
func calls(words []string, scripts map[string]string) (names []string, known bool) {
	if len(words) < 2 || runsPackages(words) {
		return nil, false
	}
	args := words[1:]
	switch tool := path.Base(words[0]); tool {
	case "corepack":
		return calls(args, scripts)
	case "npm", "pnpm", "yarn", "bun", "$npm_execpath":
		return callsOfManager(tool, args, scripts)
	case "node":
		for i, w := range args {
			if name, ok := strings.CutPrefix(w, "--run="); ok {
				return matching(name, scripts)
			}
			if w == "--run" && i+1 < len(args) {
				return matching(args[i+1], scripts)
			}
		}
	case "npm-run-all", "npm-run-all2", "run-s", "run-p":
		known = true
		for _, w := range args {
			if strings.HasPrefix(w, "-") {
				continue
			}
			found, all := matching(w, scripts)
			names, known = append(names, found...), known && all
		}
		return names, known && len(names) > 0
	case "concurrently":
		for _, w := range args {
			if manager, pattern, ok := strings.Cut(w, ":"); ok && slices.Contains([]string{"npm", "pnpm", "yarn", "bun", "node"}, manager) {
				found, _ := matching(pattern, scripts)
				names = append(names, found...)
			}
		}
	}
	return names, false
}

// callsOfManager does the same for the arguments of a package manager.
func callsOfManager(tool string, args []string, scripts map[string]string) (names []string, known bool) {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end] // the rest is for the script
	}
	isRun := func(w string) bool { return slices.Contains([]string{"run", "run-script", "rum", "urn"}, w) }
	if i := slices.IndexFunc(args, isRun); i >= 0 {
		for _, w := range args[i+1:] { // options may have values
			if names, known = matching(w, scripts); known {
				return names, true
			}
		}
		return nil, false
	}
	i := slices.IndexFunc(args, func(w string) bool { return !strings.HasPrefix(w, "-") })
	if i < 0 {
		return nil, false
	}
	name := args[i]
	if name == "t" || name == "tst" {
		name = "test"
	}
	switch {
	case name == "exec" || name == "x" || name == "dlx":
		return calls(args[i+1:], scripts)
	case tool == "npm" && !slices.Contains([]string{"test", "start", "stop", "restart"}, name),
		tool == "bun" && (name == "test" || name == "build"):
		return nil, false // a command of the manager's own
	case scripts[name] != "":
		return []string{name}, true
	}
	return calls(args[i:], scripts) // a program of a dependency
}

// matching returns the scripts that a name or a pattern means: "build", "build:*" and
// "build:**" of npm-run-all, "/^build:/" of pnpm. known is false if there is none.
func matching(pattern string, scripts map[string]string) (names []string, known bool) {
	pattern, _, _ = strings.Cut(pattern, " ") // npm-run-all takes arguments behind it
	if _, ok := scripts[pattern]; ok {
		return []string{pattern}, true
	}
	matches := func(name string) bool {
		ok, _ := path.Match(strings.ReplaceAll(pattern, ":", "/"), strings.ReplaceAll(name, ":", "/")) // a wrong pattern matches nothing
		return ok
	}
	if start, ok := strings.CutSuffix(pattern, "**"); ok {
		matches = func(name string) bool { return strings.HasPrefix(name, start) }
	}
	if len(pattern) > 2 && pattern[0] == '/' && pattern[len(pattern)-1] == '/' {
		expression, err := regexp.Compile(pattern[1 : len(pattern)-1])
		if err != nil {
			return nil, false
		}
		matches = expression.MatchString
	}
	for name := range scripts {
		if matches(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, len(names) > 0
}
