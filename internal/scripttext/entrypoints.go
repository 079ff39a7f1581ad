package scripttext

import (
	"path"
	"regexp"
	"strings"
)

var (
	assignment = regexp.MustCompile(`^\w+=`)
	plainPath  = regexp.MustCompile(`^[\w./@-]+$`) // a shell expands nothing in it
	nodeFile   = regexp.MustCompile(`^[\w./@-]+\.[cm]?[jt]s$`)
)

// valued are the options of Node whose value is the next word.
var valued = map[string]bool{
	"-r": true, "--require": true, "--import": true, "--loader": true, "--experimental-loader": true,
	"-C": true, "--conditions": true, "--env-file": true, "--env-file-if-exists": true, "--max-old-space-size": true,
}

// inline are the options of Node after which it starts no file.
var inline = map[string]bool{"-e": true, "--eval": true, "-p": true, "--print": true, "-pe": true, "--test": true, "--run": true}

// Entrypoints returns the files that a script's text starts with node, as in
// "cd tools && node gen.mjs", relative to the package's folder or absolute. It
// leaves out what it cannot be sure of: a file whose folder the shell works out,
// and all that follows a subshell.
func Entrypoints(text string) []string {
	var files []string
	dir := "."
	for _, c := range Commands(text) {
		words := c.Words
		for len(words) > 0 && startsProgram(words[0].Text) {
			words = words[1:]
		}
		switch {
		case len(words) == 2 && words[0].Text == "cd" && plainPath.MatchString(words[1].Text) && !path.IsAbs(words[1].Text):
			dir = path.Join(dir, words[1].Text)
		case len(words) > 0 && (words[0].Text == "cd" || words[0].Text == "pushd" || words[0].Text == "popd"):
			return files
		case len(words) > 1 && words[0].Text == "node":
			if file := firstFile(words[1:]); file != "" && path.IsAbs(file) {
				files = append(files, file)
			} else if file != "" {
				files = append(files, path.Join(dir, file))
			}
		}
		if c.EndsSubshell {
			return files
		}
	}
	return files
}

// startsProgram tells whether the program of a command comes after a word.
func startsProgram(word string) bool {
	return assignment.MatchString(word) || word == "cross-env" || word == "env" || word == "exec"
}

// firstFile is the script among Node's arguments, empty if there is none.
func firstFile(args []Word) string {
	for i := 0; i < len(args); i++ {
		switch arg := args[i].Text; {
		case inline[arg]:
			return ""
		case valued[arg]:
			i++
		case strings.HasPrefix(arg, "-"):
		case nodeFile.MatchString(arg):
			return arg
		default:
			return ""
		}
	}
	return ""
}

// PlainPath reports whether a word is a path or a name in which a shell expands nothing.
func PlainPath(word string) bool { return plainPath.MatchString(word) }
