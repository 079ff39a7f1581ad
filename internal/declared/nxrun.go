package declared

import (
	"fmt"
	"maps"
	"runtime"
	"slices"

	"github.com/heapmage/heapmage/internal/nxcommand"
	"github.com/heapmage/heapmage/internal/nxfile"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/workspace"
)

// addScripts gives a package scripts for its targets that an executor runs which needs
// nothing of Nx. The others are named.
func (n *nx) addScripts(ws *workspace.Workspace, pkg *workspace.Package) {
	for _, name := range slices.Sorted(maps.Keys(n.project(pkg).Targets)) {
		target, _ := n.target(pkg, name)
		executor, options := target.Executor, target.Options
		why := executor
		switch {
		case executor == "":
			continue
		case executor == nxfile.RunScript:
			script := name
			options.Read("script", &script)
			if text, ok := pkg.Scripts[script]; ok {
				if script != name {
					pkg.Declare(name, text, script)
				}
				continue
			}
			why = fmt.Sprintf("%s of %q, which is no script", nxfile.RunScript, script)
		case executor == nxfile.RunCommands:
			text, problem := options.Script(nxcommand.Project{Name: pkg.DeclaredName, Dir: pkg.Dir})
			switch {
			case problem != "":
				why = nxfile.RunCommands + " " + problem
			case ws.PnP:
				why = nxfile.RunCommands + " with Plug'n'Play"
			case runtime.GOOS == "windows":
				why = nxfile.RunCommands + " on Windows"
			default:
				pkg.Declare(name, text, "")
				continue
			}
		}
		if callsNx(pkg.Scripts[name]) {
			continue // as the hint has it
		}
		n.foreign = append(n.foreign, pkg.Name+"#"+name+" ("+why+")")
		if n.example == "" {
			n.example = fmt.Sprintf(`"%s": "nx run %s:%s"`, name, n.nameOf(pkg), name)
		}
	}
}

// callsNx reports whether a script starts Nx.
func callsNx(text string) bool {
	return slices.ContainsFunc(scripttext.Commands(text), func(c scripttext.Command) bool {
		return slices.ContainsFunc(c.Words, func(w scripttext.Word) bool { return w.Text == "nx" })
	})
}

// nameOf is what Nx calls a package.
func (n *nx) nameOf(pkg *workspace.Package) string {
	if p := n.project(pkg); p.Name != "" {
		return p.Name
	}
	return pkg.DeclaredName
}
