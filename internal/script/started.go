package script

import (
	"path"
	"regexp"
	"strings"
)

var (
	separators = regexp.MustCompile(`&&|\|\||[;|&\n]`)
	assignment = regexp.MustCompile(`^\w+=`)
	plainPath  = regexp.MustCompile(`^[\w./@-]+$`) // the shell takes it as it is
	nodeFile   = regexp.MustCompile(`^[\w./@-]+\.[cm]?[jt]s$`)
)

// valued are the options of Node that take the next word as their value.
var valued = map[string]bool{
	"-r": true, "--require": true, "--import": true, "--loader": true, "--experimental-loader": true,
	"-C": true, "--conditions": true, "--env-file": true, "--env-file-if-exists": true, "--max-old-space-size": true,
}

// inline are those after which no file is started.
var inline = map[string]bool{"-e": true, "--eval": true, "-p": true, "--print": true, "-pe": true, "--test": true, "--run": true}

// StartedIn returns the files that a script's text starts with node, relative to
// the package's folder, as in "cd tools && node gen.mjs". It passes over what it
// cannot be sure of: a file whose folder the shell works out, what stands behind
// a subshell.
func StartedIn(text string) []string {
	var files []string
	dir := "."
	for _, command := range separators.Split(text, -1) {
		words := strings.Fields(strings.Trim(command, " \t()"))
		for len(words) > 0 && (assignment.MatchString(words[0]) || words[0] == "cross-env" || words[0] == "env" || words[0] == "exec") {
			words = words[1:]
		}
		switch {
		case len(words) == 2 && words[0] == "cd" && plainPath.MatchString(words[1]) && !path.IsAbs(words[1]):
			dir = path.Join(dir, words[1])
		case len(words) > 0 && (words[0] == "cd" || words[0] == "pushd" || words[0] == "popd"):
			return files
		case len(words) > 1 && words[0] == "node":
			if file := firstFile(words[1:]); file != "" && path.IsAbs(file) {
				files = append(files, file)
			} else if file != "" {
				files = append(files, path.Join(dir, file))
			}
		}
		if strings.Contains(command, ")") {
			return files
		}
	}
	return files
}

// firstFile is the script among Node's arguments, empty where there is none.
func firstFile(args []string) string {
	for i := 0; i < len(args); i++ {
		switch {
		case inline[args[i]]:
			return ""
		case valued[args[i]]:
			i++
		case !strings.HasPrefix(args[i], "-"):
			if file := strings.Trim(args[i], `"'`); nodeFile.MatchString(file) {
				return file
			}
			return ""
		}
	}
	return ""
}
