package scripttext

import (
	"path"
	"slices"
	"strings"
)

var (
	deleters   = []string{"rm", "rmdir", "rimraf", "del", "del-cli", "trash", "premove", "unlink"}
	taskTools  = []string{"gulp", "grunt", "make", "just", "turbo", "nx", "lerna"}
	inlineNode = []string{"-e", "--eval", "-p", "--print"}
)

// OnlyDeletes reports whether a script, with the scripts of the package that it calls, does
// nothing but remove files: "rimraf dist". Such a script builds nothing, whatever its name.
func OnlyDeletes(scripts map[string]string, name string) bool {
	seen, deletes, other := map[string]bool{}, false, false
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, c := range Commands(scripts[name]) {
			words := program(c)
			called, known := calls(words, scripts)
			switch {
			case len(words) == 0, slices.Contains(harmless, words[0]), path.Base(words[0]) == "mkdir":
			case known:
				for _, name := range called {
					visit(name)
				}
			case removes(words):
				deletes = true
			default:
				other = true
			}
		}
	}
	visit(name)
	return deletes && !other
}

// removes reports whether a command only removes files.
func removes(words []string) bool {
	args := words[1:]
	switch program := path.Base(words[0]); {
	case slices.Contains(deleters, program):
		return true
	case program == "shx", program == "npm", program == "pnpm", program == "yarn", program == "bun":
		args = afterExec(args)
		return len(args) > 0 && removes(args)
	case program == "git":
		return slices.Contains(args, "clean")
	case program == "find":
		return slices.Contains(args, "-delete")
	case program == "tsc":
		return slices.Contains(args, "--clean")
	case program == "node":
		text := strings.Join(args, " ")
		return len(args) > 1 && slices.Contains(inlineNode, args[0]) && (strings.Contains(text, "rmSync(") || strings.Contains(text, "rmdirSync("))
	case slices.Contains(taskTools, program):
		last := args[max(0, len(args)-1):]
		return len(last) > 0 && strings.HasPrefix(last[0], "clean")
	}
	return false
}
