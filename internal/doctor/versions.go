package doctor

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/heapmage/heapmage/internal/npmrange"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/workspace"
)

func engines(f Facts) (findings []finding) {
	for _, e := range f.Engines {
		do := "use a version that fits, or change engines in package.json"
		one := found("engines", Warning, fmt.Sprintf("%s: engines in package.json asks for %s %s, but %s is used", of(e.Packages), e.Program, e.Range, e.Version),
			"the package is not meant to work with it", do)
		if e.Refused {
			one.Level, one.Why = Problem, f.Manager.Name+" then refuses to install"
		}
		one.Packages = e.Packages
		findings = append(findings, one)
	}
	return findings
}

func manager(f Facts) []finding {
	m := f.Manager
	declared := fmt.Sprintf("%s declares %s %s", m.From, m.Name, m.Declared)
	switch {
	case m.Error != "":
		return []finding{found("manager", Problem, m.Error, "dependencies cannot be installed, and scripts that call it fail", m.Hint)}
	case m.Version == "":
		return nil
	case m.Declared == "":
		return []finding{{Check: "manager", Level: OK, What: fmt.Sprintf("%s %s; package.json declares no version", m.Name, m.Version)}}
	case m.Declared == m.Version:
		return []finding{{Check: "manager", Level: OK, What: fmt.Sprintf("%s %s, as %s declares", m.Name, m.Version, m.From)}}
	case m.Switches:
		return []finding{{Check: "manager", Level: OK, What: fmt.Sprintf("%s; %s, which is installed, runs that version itself", declared, m.Version)}}
	}
	return []finding{found("manager", Warning, fmt.Sprintf("%s, but %s is used", declared, m.Version),
		"another version may install other dependencies, and change the lock file", m.Hint)}
}

// managerOf is what is declared of a workspace's manager, and what there is.
func managerOf(ws *workspace.Workspace, settings *script.Settings) Manager {
	installed := settings.Manager
	m := Manager{Name: string(ws.Manager), From: ws.ManagerFrom, Version: installed.Version, Switches: installed.Switches, Hint: installed.Bring}
	if ws.ManagerDeclared {
		m.Declared = ws.ManagerVersion
	}
	if wrong, ok := errors.AsType[*problem.Error](installed.Err); ok {
		m.Error, m.Hint = wrong.Where+": "+wrong.What, wrong.Hint
	}
	return m
}

// enginesOf is what packages want of Node and of the manager, and do not get. npm, pnpm and
// yarn 1 read it.
func enginesOf(ws *workspace.Workspace, packages []*workspace.Package, settings *script.Settings) []Engine {
	there := map[string]string{"node": settings.Node.Version, string(ws.Manager): settings.Manager.Version}
	var ranges npmrange.Cache
	type key struct{ program, wanted string }
	by := map[key]*Engine{}
	for _, pkg := range packages {
		var manifest struct{ Engines map[string]json.RawMessage }
		if json.Unmarshal(pkg.Manifest, &manifest) != nil {
			continue // whatever "engines" is, npm does not read it either
		}
		for program, version := range there {
			var wanted string
			if json.Unmarshal(manifest.Engines[program], &wanted) != nil || version == "" || !ranges.Valid(wanted) || ranges.Satisfied(version, wanted) {
				continue
			}
			k := key{program, wanted}
			if by[k] == nil {
				by[k] = &Engine{Program: program, Range: wanted, Version: version, Refused: refuses(ws, settings)}
			}
			by[k].Packages = append(by[k].Packages, pkg.Name)
		}
	}
	var all []Engine
	for _, e := range by {
		slices.Sort(e.Packages)
		all = append(all, *e)
	}
	slices.SortFunc(all, func(a, b Engine) int { return cmp.Or(cmp.Compare(a.Program, b.Program), cmp.Compare(a.Range, b.Range)) })
	return all
}

// refuses reports whether a manager installs nothing if a package of the workspace does not get
// the version that it wants: pnpm and yarn 1 always, npm with engine-strict.
func refuses(ws *workspace.Workspace, settings *script.Settings) bool {
	switch ws.Manager {
	case workspace.PNPM:
		return true
	case workspace.Yarn:
		return !ws.Berry()
	case workspace.NPM:
		return settings.EngineStrict()
	case workspace.Bun, workspace.Go:
	}
	return false
}
