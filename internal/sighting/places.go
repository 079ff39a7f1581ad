package sighting

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/workspace"
)

// places are the packages of a workspace.
type places struct{ ws *workspace.Workspace }

// in returns the package of an absolute folder, the innermost, or nil.
func (p places) in(folder string) (rel string, pkg *workspace.Package) {
	rel, err := filepath.Rel(p.ws.Root, folder)
	if folder == "" || err != nil || !filepath.IsLocal(rel) {
		return "", nil
	}
	rel = filepath.ToSlash(rel)
	if pkg = p.ws.Owner(rel); pkg == nil {
		pkg = p.ws.RootPackage
	}
	return rel, pkg
}

// owner returns the folder of the package that an absolute folder belongs to, empty outside of
// the workspace.
func (p places) owner(folder string) string {
	rel, pkg := p.in(folder)
	if pkg == nil {
		return rel
	}
	return pkg.Dir
}

// unit describes the unit that a process leads.
func (p places) unit(n *node, w world) Unit {
	u := Unit{Leader: n.Identity}
	folder := w.folder(n.PID)
	commands := [][]string{n.args}
	if n.runs.text != "" {
		commands = nil
		for _, c := range scripttext.Commands(n.runs.text) {
			commands = append(commands, texts(c.Words))
		}
		folder, commands = entered(folder, commands)
	}
	var pkg *workspace.Package
	if u.Folder, pkg = p.in(folder); pkg != nil {
		u.Package = pkg.Name
	}
	u.Command = identity(commands, folder)
	if pkg != nil && pkg.Dir == u.Folder {
		u.Script, u.Part = scriptOf(pkg, u.Command, w.variable(n.PID, "npm_lifecycle_event"), folder)
	}
	return u
}

// entered follows the "cd" that commands begin with. The shell may have done it already.
func entered(folder string, commands [][]string) (string, [][]string) {
	for len(commands) > 1 && len(commands[0]) == 2 && commands[0][0] == "cd" {
		to := commands[0][1]
		if !filepath.IsAbs(to) {
			to = filepath.Join(folder, to)
		}
		if s, err := os.Stat(to); err == nil && s.IsDir() {
			folder = to
		}
		commands = commands[1:]
	}
	return folder, commands
}

// scriptOf returns the script of a package that runs a command, and whether it runs others,
// too. Of several it is the one that the process is told it belongs to, else the first by name.
func scriptOf(pkg *workspace.Package, command, told, folder string) (name string, part bool) {
	var whole, parts []string
	for _, name := range slices.Sorted(maps.Keys(pkg.Scripts)) {
		var commands [][]string
		for _, c := range scripttext.Commands(pkg.Scripts[name]) {
			commands = append(commands, texts(c.Words))
		}
		if begins(command, identity(commands, folder)) {
			whole = append(whole, name)
			continue
		}
		if slices.ContainsFunc(commands, func(c []string) bool { return begins(command, identity([][]string{c}, folder)) }) {
			parts = append(parts, name)
		}
	}
	for i, names := range [][]string{whole, parts} {
		if slices.Contains(names, told) {
			return told, i > 0
		}
	}
	for i, names := range [][]string{whole, parts} {
		if len(names) > 0 {
			return names[0], i > 0
		}
	}
	return "", false
}

// begins reports whether a command is another one, perhaps with more arguments.
func begins(command, with string) bool {
	return with != "" && (command == with || strings.HasPrefix(command, with+" "))
}

// onlyScript reports whether a process of Nx does nothing but run a script of package.json.
func (p places) onlyScript(n *node, w world) bool {
	pkg := p.ws.Named(w.variable(n.PID, "NX_TASK_TARGET_PROJECT"))
	if pkg == nil {
		return false
	}
	target := w.variable(n.PID, "NX_TASK_TARGET_TARGET")
	_, declared := pkg.Declared(target)
	return pkg.Scripts[target] != "" && !declared
}
