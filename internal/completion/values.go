package completion

import (
	"maps"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/shard"
	"github.com/heapmage/heapmage/internal/workspace"
)

// shells are those that there is a script for.
var shells = []string{"bash", "fish", "zsh"}

// values are what a flag may be given, as far as it begins as what is being written. Where
// there is no workspace, its names are none.
func values(work, flag, written string) []candidate {
	switch flag {
	case "shell":
		return words(shells)
	case "output":
		return words(config.OutputWords)
	case "format":
		return words(shard.Formats)
	case "workspace", "exclude", "script", "target", "task", "run", "compare":
	default:
		return nil
	}
	ws, err := workspace.Load(work)
	if err != nil {
		return nil
	}
	switch flag {
	case "script":
		return words(scripts(ws, nil))
	case "target":
		return words(scripts(ws, declared.DefaultDependsOn()))
	case "task":
		return tasks(ws)
	case "run", "compare":
		return words(rundir.Recorded(ws.Root))
	}
	return packages(ws, written)
}

func words(names []string) (all []candidate) {
	for _, name := range names {
		all = append(all, candidate{name, ""})
	}
	return all
}

// packages are what the packages may be called: each by the first of its label, its name and
// its folder that begins as what is being written.
func packages(ws *workspace.Workspace, written string) (all []candidate) {
	labels := plan.Labels(ws.All())
	for _, pkg := range ws.All() {
		for _, name := range []string{labels[pkg.Name], pkg.Name, pkg.Dir} {
			if strings.HasPrefix(name, written) {
				all = append(all, candidate{name, pkg.Dir})
				break
			}
		}
	}
	return all
}

// scripts are the names of all scripts, and of targets, in order.
func scripts(ws *workspace.Workspace, targets map[string][]string) []string {
	names := map[string]bool{}
	for name := range targets {
		names[name] = true
	}
	for _, pkg := range ws.All() {
		for name := range pkg.Scripts {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// tasks are the scripts of each package: "web#build".
func tasks(ws *workspace.Workspace) (all []candidate) {
	labels := plan.Labels(ws.All())
	for _, pkg := range ws.All() {
		for _, name := range slices.Sorted(maps.Keys(pkg.Scripts)) {
			all = append(all, candidate{labels[pkg.Name] + "#" + name, pkg.Scripts[name]})
		}
	}
	return all
}
