package scripttext

import (
	"path"
	"slices"
	"strings"
)

// runners have the scripts of packages run.
var runners = []string{"turbo", "nx", "lerna", "lage", "wireit", "wsrun", "ultra", "moon", "rush", "heapmage", "mage"}

// Work is a command of a root's script that does more than have the packages' scripts run.
type Work struct {
	// Command is its text: "tsc -b".
	Command string
	// Script is a script of the root that runs it, and does not have the packages' scripts
	// run; empty if there is none.
	Script string
}

// FanOut is a command that has the packages' scripts run, through a task runner or the package
// manager.
type FanOut struct {
	// Command is written with one space between its words.
	Command string
	// Narrow is set if it leaves packages out, as "turbo build --filter=web" does.
	Narrow bool
}

// OwnWork returns the work of a root's script itself, each command once, and the commands
// that have the packages' scripts run.
// Scripts of the root that it calls are looked into, and with hooks the pre and post
// scripts of all.
func OwnWork(scripts map[string]string, name string, hooks bool) (work []Work, fanOuts []FanOut) {
	seen := map[string]bool{}
	var visit, visitText func(text, alone string)
	visitText = func(text, alone string) {
		for _, c := range Commands(text) {
			words := program(c)
			called, known := calls(words, scripts)
			switch {
			case len(words) == 0, slices.Contains(harmless, words[0]):
			case runsPackages(words):
				fanOuts = append(fanOuts, FanOut{strings.Join(words, " "), narrow(words)})
			case slices.Contains(shells, words[0]):
				for _, name := range called {
					visit(name, alone)
				}
				for _, w := range words[1:] {
					if strings.Contains(w, " ") {
						visitText(w, alone)
					}
				}
			case known:
				for _, name := range called {
					visit(name, alone)
				}
			default:
				w := Work{strings.Join(words, " "), alone}
				if !slices.ContainsFunc(work, func(other Work) bool { return other.Command == w.Command }) {
					work = append(work, w)
				}
			}
		}
	}
	visit = func(called, alone string) {
		for _, event := range events(called, hooks) {
			if seen[event] || scripts[event] == "" {
				continue
			}
			seen[event] = true
			within := alone
			if within == "" && event != name && !reachesPackages(scripts, event, hooks) {
				within = event
			}
			visitText(scripts[event], within)
		}
	}
	visit(name, "")
	return work, fanOuts
}

// reachesPackages reports whether a script of the root has the packages' scripts run,
// itself or through others that it calls.
func reachesPackages(scripts map[string]string, name string, hooks bool) bool {
	return slices.ContainsFunc(append(Called(scripts, name, hooks), name), func(called string) bool {
		return slices.ContainsFunc(events(called, hooks && called != name), func(event string) bool {
			for c := range CommandsWithin(scripts[event]) {
				if words := program(c); len(words) > 0 && runsPackages(words) {
					return true
				}
			}
			return false
		})
	})
}

// harmless commands make nothing that a package may need.
var harmless = []string{"echo", "true", ":", "cd", "exit"}

// shells run the texts that are their arguments.
var shells = []string{"sh", "bash", "concurrently"}

// program are the words of a command without what stands before its program, and without
// redirections.
func program(c Command) []string {
	var words []string
	for i, w := range c.Words {
		switch {
		case redirection.MatchString(w.Text):
			return words
		case len(words) == 0 && i > 0 && strings.HasPrefix(w.Text, "-"): // an option of what starts it
		case len(words) == 0 && (startsProgram(w.Text) || slices.Contains([]string{"npx", "bunx", "time", "dotenv"}, w.Text)):
		default:
			words = append(words, w.Text)
		}
	}
	return words
}

// hasFlag reports whether a command has one of some words or flags, with a value or without.
func hasFlag(words []string, flags ...string) bool {
	for _, w := range words[1:] {
		if w == "--" {
			return false // the rest is for the script
		}
		if flag, _, _ := strings.Cut(w, "="); slices.Contains(flags, flag) {
			return true
		}
	}
	return false
}

// narrow reports whether a command that has the packages' scripts run leaves packages out.
func narrow(words []string) bool {
	everything := slices.ContainsFunc(words, func(w string) bool {
		_, value, ok := strings.Cut(w, "=")
		return w == "*" || ok && value == "*"
	})
	return !everything && hasFlag(words, narrowing...)
}

// narrowing are the words with which Turborepo, Nx, Lerna, lage and the package managers select
// packages.
var narrowing = []string{"--filter", "-F", "--filter-prod", "--affected", "affected", "--scope", "--ignore", "--exclude",
	"--include", "--projects", "-p", "--no-private", "--since", "--to", "--workspace", "-w", "workspace"}

// runsPackages reports whether a command has the packages' scripts run.
func runsPackages(words []string) bool {
	has := func(flags ...string) bool { return hasFlag(words, flags...) }
	switch path.Base(words[0]) {
	case "npm":
		return has("--workspaces", "--workspace", "-ws", "-w", "--prefix", "-C")
	case "pnpm":
		return has("-r", "--recursive", "recursive", "m", "multi", "--filter", "-F", "--dir", "-C") || len(words) > 1 && runsPackages(afterExec(words[1:]))
	case "yarn":
		return has("workspaces", "workspace", "--cwd") || len(words) > 1 && runsPackages(afterExec(words[1:]))
	case "bun":
		return has("--filter", "-F", "--workspaces", "--cwd")
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

// Alias returns the script of the same package that a script only has run, as "npm run
// compile" does: no other command, no arguments, no variables, no hooks.
func Alias(scripts map[string]string, name string) (same string, ok bool) {
	named := false
	for other := range scripts {
		named = named || other != name && strings.Contains(scripts[name], other)
	}
	if !named {
		return "", false // as most of them
	}
	commands := Commands(scripts[name])
	_, before := scripts["pre"+name]
	_, after := scripts["post"+name]
	if len(commands) != 1 || before || after {
		return "", false
	}
	words := program(commands[0])
	called, known := calls(words, scripts)
	plain := len(words) == 2 || len(words) == 3 && (words[1] == "run" || words[1] == "run-script")
	if !known || !plain || len(called) != 1 || len(words) < len(commands[0].Words) || called[0] == name {
		return "", false
	}
	return called[0], true
}
