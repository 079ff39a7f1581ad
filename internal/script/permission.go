package script

import (
	"regexp"
	"slices"

	"github.com/heapmage/heapmage/internal/workspace"
)

// permission finds the options of Node's permission model in a text.
var permission = regexp.MustCompile(`--(experimental-)?permission(-audit)?([^\w-]|$)`)

// Restricts reports whether a text, such as NODE_OPTIONS or a command, names Node's
// permission model.
func Restricts(text string) bool { return permission.MatchString(text) }

// Restricted reports whether a package's script seems to start Node under its permission
// model. Such a process reads only what it is allowed to, and ends at once if it is to
// preload another file. The model is found in the node options of the user, and in what
// the script seems to run.
func (s *Settings) Restricted(pkg *workspace.Package, name string) bool {
	if slices.ContainsFunc(s.options.words, Restricts) {
		return true
	}
	for p := range s.parts(pkg, name) {
		if Restricts(p.text) {
			return true
		}
	}
	return false
}
