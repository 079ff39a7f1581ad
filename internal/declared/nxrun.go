package declared

import (
	"fmt"
	"maps"
	"runtime"
	"slices"

	"github.com/heapmage/heapmage/internal/nxcommand"
	"github.com/heapmage/heapmage/internal/workspace"
)

// The executors that need nothing of Nx.
const (
	runScript   = "nx:run-script"
	runCommands = "nx:run-commands"
)

// addScripts gives a package scripts for its targets that an executor runs which needs
// nothing of Nx. The others are named.
func (n *nx) addScripts(ws *workspace.Workspace, pkg *workspace.Package) {
	for _, name := range slices.Sorted(maps.Keys(n.project(pkg).targets)) {
		executor, options := n.runs(pkg, name)
		why := executor
		switch {
		case executor == "":
			continue
		case executor == runScript:
			script := name
			options.Read("script", &script)
			if text, ok := pkg.Scripts[script]; ok {
				if script != name {
					pkg.Declare(name, text, script)
				}
				continue
			}
			why = fmt.Sprintf("%s of %q, which is no script", runScript, script)
		case executor == runCommands:
			text, problem := options.Script(nxcommand.Project{Name: pkg.DeclaredName, Dir: pkg.Dir})
			switch {
			case problem != "":
				why = runCommands + " " + problem
			case ws.PnP:
				why = runCommands + " with Plug'n'Play"
			case runtime.GOOS == "windows":
				why = runCommands + " on Windows"
			default:
				pkg.Declare(name, text, "")
				continue
			}
		}
		n.foreign = append(n.foreign, pkg.Name+"#"+name+" ("+why+")")
	}
}

// runs returns what executes a package's target, with the options of all files. The
// executor is empty if nothing does.
func (n *nx) runs(pkg *workspace.Package, name string) (executor string, options nxcommand.Options) {
	m, _ := n.target(pkg, name)
	return m.executor, over(m.options, m.configurations[m.configuration])
}
