package scripttext

import (
	"path"
	"slices"
	"strings"
)

// runners have the scripts of packages run.
var runners = []string{"turbo", "nx", "lerna", "lage", "wireit", "wsrun", "ultra", "moon", "rush", "heapmage", "mage"}

// OwnWork returns the commands of a root's script that do more than have the packages'
// scripts run, each once: "tsc -b". fansOut is set if others do have them run, through a task
// runner or the package manager. Scripts of the root that it calls are looked into.
func OwnWork(scripts map[string]string, name string) (work []string, fansOut bool) {
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, c := range Commands(scripts[name]) {
			words := program(c)
			switch called, known := calls(words, scripts); {
			case len(words) == 0, slices.Contains(harmless, words[0]):
			case runsPackages(words):
				fansOut = true
			case known:
				for _, name := range called {
					visit(name)
				}
			default:
				if text := strings.Join(words, " "); !slices.Contains(work, text) {
					work = append(work, text)
				}
			}
		}
	}
	visit(name)
	return work, fansOut
}

// harmless commands make nothing that a package may need.
var harmless = []string{"echo", "true", ":", "cd", "exit"}

// program are the words of a command without what stands before its program, and without
// redirections.
func program(c Command) []string {
	var words []string
	for _, w := range c.Words {
		switch {
		case redirection.MatchString(w.Text):
			return words
		case len(words) == 0 && (startsProgram(w.Text) || slices.Contains([]string{"npx", "bunx", "time", "dotenv", "--"}, w.Text)):
		default:
			words = append(words, w.Text)
		}
	}
	return words
}

// runsPackages reports whether a command has the packages' scripts run.
func runsPackages(words []string) bool {
	has := func(flags ...string) bool {
		return slices.ContainsFunc(words[1:], func(w string) bool {
			flag, _, _ := strings.Cut(w, "=")
			return slices.Contains(flags, flag)
		})
	}
	switch path.Base(words[0]) {
	case "npm":
		return has("--workspaces", "--workspace", "-ws", "-w")
	case "pnpm":
		return has("-r", "--recursive", "recursive", "m", "multi", "--filter", "-F") || len(words) > 1 && runsPackages(afterExec(words[1:]))
	case "yarn":
		return has("workspaces", "workspace") || len(words) > 1 && runsPackages(afterExec(words[1:]))
	case "bun":
		return has("--filter", "-F", "--workspaces")
	}
	return slices.Contains(runners, path.Base(words[0]))
}

// afterExec is the command that "pnpm exec" or "yarn run" starts.
func afterExec(words []string) []string {
	if len(words) > 1 && (words[0] == "exec" || words[0] == "run") {
		return words[1:]
	}
	return words
}

// calls returns the scripts of the same package that a command has run, and whether it is
// a command that does only that.
func calls(words []string, scripts map[string]string) (names []string, known bool) {
	if len(words) < 2 {
		return nil, false
	}
	rest := words[1:]
	switch path.Base(words[0]) {
	case "npm", "pnpm", "yarn", "bun":
		if rest[0] == "run" || rest[0] == "run-script" {
			rest = rest[1:]
		}
		rest = slices.DeleteFunc(slices.Clone(rest), func(w string) bool { return strings.HasPrefix(w, "-") })
		if len(rest) == 0 {
			return nil, false
		}
		_, known = scripts[rest[0]]
		return rest[:1], known
	case "npm-run-all", "run-s", "run-p":
		for _, w := range rest {
			if strings.HasPrefix(w, "-") {
				continue
			}
			if _, ok := scripts[w]; !ok {
				return nil, false // a pattern
			}
			names = append(names, w)
		}
		return names, true
	}
	return nil, false
}
