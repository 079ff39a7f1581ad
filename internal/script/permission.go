package script

import (
	"regexp"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/workspace"
)

// permission finds the options of Node's permission model in a text.
var permission = regexp.MustCompile(`--(experimental-)?permission(-audit)?([^\w-]|$)`)

// maxProgram is how much of a file that a script names is searched, in bytes. Programs
// that people write are shorter.
const maxProgram = 256 << 10

// Restricts reports whether a text, such as NODE_OPTIONS or a command, names Node's
// permission model.
func Restricts(text string) bool { return permission.MatchString(text) }

// Restricted reports whether a package's script seems to start Node under its permission
// model. Such a process reads only what it is allowed to, and ends at once if it is to
// preload another file. The model is found in the node options of the user, in the
// script's text with its hooks, and in scripts of the package or of the root, and files
// of the package, that those texts name.
func (s *Settings) Restricted(pkg *workspace.Package, name string) bool {
	if slices.ContainsFunc(s.options.words, Restricts) {
		return true
	}
	seen := map[named]bool{}
	return slices.ContainsFunc(s.events(pkg, name), func(event string) bool { return s.restricted(named{pkg, event}, seen) })
}

// named is a script.
type named struct {
	pkg  *workspace.Package
	name string
}

func (s *Settings) restricted(n named, seen map[named]bool) bool {
	text, ok := "", false
	if n.pkg != nil && !seen[n] {
		text, ok = n.pkg.Scripts[n.name]
	}
	if !ok {
		return false
	}
	seen[n] = true
	if Restricts(text) {
		return true
	}
	for c := range scripttext.CommandsWithin(text) {
		for _, w := range c.Words {
			word := strings.TrimPrefix(w.Text, "npm:") // as concurrently and npm-run-all write it
			if s.restricted(named{n.pkg, word}, seen) || s.restricted(named{s.ws.RootPackage, word}, seen) ||
				strings.ContainsAny(word, "./") && scripttext.PlainPath(word) && permission.Match(folder.Head(n.pkg.Path, word, maxProgram)) {
				return true
			}
		}
	}
	return false
}
