package sighting

import (
	"bytes"
	"encoding/json"
	"maps"
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
		folder, commands = entered(folder, commandsOf(n.runs.text))
	}
	// Nx tells what it runs.
	project, target := w.variable(n.PID, "NX_TASK_TARGET_PROJECT"), w.variable(n.PID, "NX_TASK_TARGET_TARGET")
	if n.runs.kind == executor {
		commands = [][]string{{"nx", "run", project + ":" + target}}
	}
	u.Command = identity(commands, folder, p.ws.Root)
	var pkg *workspace.Package
	if u.Folder, pkg = p.in(folder); pkg != nil {
		u.Package = pkg.Name
	}
	if named := p.ws.Named(project); named != nil && named.Scripts[target] != "" {
		whole, part := p.runs(named, named.Scripts[target], u.Command, folder)
		if whole || part || n.runs.kind == executor {
			u.Package, u.Script, u.Part = named.Name, target, part
			return u
		}
	}
	if pkg != nil && pkg.Dir == u.Folder {
		u.Script, u.Part = p.scriptOf(pkg, u.Command, w.variable(n.PID, "npm_lifecycle_event"), folder)
	}
	return u
}

func commandsOf(text string) (commands [][]string) {
	for _, c := range scripttext.Commands(text) {
		commands = append(commands, texts(c.Words))
	}
	return commands
}

// entered follows the "cd" that commands begin with. The shell may have done it already.
func entered(folder string, commands [][]string) (string, [][]string) {
	for len(commands) > 1 && len(commands[0]) == 2 && commands[0][0] == "cd" {
		to := commands[0][1]
		if !filepath.IsAbs(to) {
			to = filepath.Join(folder, to)
		}
		if to, err := filepath.EvalSymlinks(to); err == nil {
			folder = to
		}
		commands = commands[1:]
	}
	return folder, commands
}

// scriptOf returns the script of a package that runs a command in a folder, and whether it
// runs others, too. Of several it is the one that the process is told it belongs to, else the
// first by name of those that run nothing else.
func (p places) scriptOf(pkg *workspace.Package, command, told, folder string) (name string, part bool) {
	texts := scripts(pkg)
	for _, candidate := range slices.Sorted(maps.Keys(texts)) {
		whole, inPart := p.runs(pkg, texts[candidate], command, folder)
		switch {
		case !whole && !inPart:
		case candidate == told:
			return candidate, inPart
		case name == "" || whole && part:
			name, part = candidate, inPart
		}
	}
	return name, part
}

// scripts are the commands of a package's scripts by name. wireit runs what its own field says.
func scripts(pkg *workspace.Package) map[string]string {
	if !bytes.Contains(pkg.Manifest, []byte(`"wireit"`)) {
		return pkg.Scripts
	}
	var manifest struct {
		Wireit map[string]struct{ Command string }
	}
	texts := maps.Clone(pkg.Scripts)
	_ = json.Unmarshal(pkg.Manifest, &manifest) // of one that does not fit, what fits
	for name, script := range manifest.Wireit {
		texts[name] = script.Command
	}
	return texts
}

// runs reports whether a script's text runs a command in a folder and nothing else, or others,
// too.
func (p places) runs(pkg *workspace.Package, text, command, folder string) (whole, part bool) {
	in, commands := entered(pkg.Path, commandsOf(text))
	if in != folder {
		return false, false
	}
	if begins(command, identity(commands, in, p.ws.Root)) {
		return true, false
	}
	return false, slices.ContainsFunc(commands, func(c []string) bool { return begins(command, identity([][]string{c}, in, p.ws.Root)) })
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
