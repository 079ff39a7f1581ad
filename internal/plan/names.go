package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Labels gives each package the shortest name that is unique: "core" for "@acme/core"
// if no other package ends in it. A root without a name is "root", not ".".
func Labels(packages []*workspace.Package) map[string]string {
	short := func(name string) string {
		if name == "." {
			return "root"
		}
		return name[strings.LastIndex(name, "/")+1:]
	}
	count := map[string]int{}
	for _, p := range packages {
		count[short(p.Name)]++
	}
	names := map[string]string{}
	for _, p := range packages {
		names[p.Name] = p.Name
		if s := short(p.Name); count[s] == 1 {
			names[p.Name] = s
		}
	}
	return names
}

// CheckNames refuses settings for packages and tasks that do not exist.
func CheckNames(in Setting) error {
	c, packages, names, scripts := in.Config, map[string]bool{}, []string{}, declared.DefaultDependsOn()
	for _, name := range in.Declared.Names() {
		scripts[name] = nil
	}
	for _, pkg := range in.Workspace.All() {
		for _, key := range pkg.Keys() {
			packages[key] = true
		}
		names = append(names, pkg.Name)
		for script := range pkg.Scripts {
			scripts[script] = nil
		}
	}
	unknown := func(where, what, name string, known []string) error {
		return &problem.Error{Where: config.FileName, What: fmt.Sprintf("%s: no %s is called %q", where, what, name),
			Hint: nearest.Hint(name, known, "there are")}
	}
	for name := range c.Packages {
		if !packages[name] {
			return unknown("packages", "package", name, names)
		}
	}
	for key, t := range c.Tasks {
		target := key
		if at := strings.LastIndex(key, "#"); at >= 0 {
			if name := key[:at]; !packages[name] {
				return unknown("tasks", "package", name, names)
			}
			target = key[at+1:]
		}
		if _, ok := scripts[target]; !ok && t.Script == "" {
			return unknown("tasks", "script", target, slices.Sorted(maps.Keys(scripts)))
		}
	}
	return nil
}
