package completion

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/scripttext"
)

// Print prints the script for a shell; with a line, what may follow it. sources are the files
// that have the targets, and cache is Mage's folder of programs: a program in another one is
// no "mage", and is completed by its own name.
func Print(sources fs.FS, cache, shell string, line *string) error {
	if line != nil {
		targets, err := readTargets(sources)
		if err != nil {
			return err
		}
		return write(os.Stdout, targets, *line)
	}
	if !slices.Contains(shells, shell) {
		return &problem.Error{Where: "-shell=" + shell, What: "there is no completion for it", Hint: nearest.Hint(shell, shells, "it can be")}
	}
	program, err := os.Executable()
	if err != nil {
		return &problem.Error{What: "the path of this program is not known", Cause: err, Code: problem.ExitFailed}
	}
	text, err := script(shell, program, cache)
	if err == nil {
		_, err = os.Stdout.WriteString(text)
	}
	return err
}

//go:embed completion.*sh
var texts embed.FS

var notInNames = regexp.MustCompile(`\W`)

// script is the text for a shell.
func script(shell, program, cache string) (string, error) {
	text, err := texts.ReadFile("completion." + shell)
	if err != nil {
		return "", err
	}
	name, list := "mage", `-d "$dir" -autocomplete`
	if !same(filepath.Dir(program), cache) {
		name, list = filepath.Base(program), `-l | sed -n 's/^  \([^ *]*\).*/\1/p'`
	}
	return strings.NewReplacer(
		"PROGRAM", scripttext.Quote(program), "FUNCTION", "_heapmage_"+notInNames.ReplaceAllString(name, "_"),
		"COMMAND", scripttext.Quote(name), "LIST", list,
	).Replace(string(text)), nil
}

// same reports whether two paths are those of one folder.
func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
