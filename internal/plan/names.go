package plan

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Labels gives each package the shortest name that means no other: the first that is
// unique of the folder's last name, if the package's name has that after a prefix which
// others share ("core" for "@acme/acme-core" in packages/core, beside "@acme/acme-cli"),
// the name without its scope, the folder's last name, and the name. -workspace takes each
// of them. A root without a name is "root", not ".".
func Labels(packages []*workspace.Package) map[string]string {
	prefixes, owners := map[string]int{}, map[string]int{} // how many packages have each
	for _, p := range packages {
		prefixes[prefix(p)]++
		names := called(p)
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			owners[name]++
		}
	}
	labels := map[string]string{}
	for _, p := range packages {
		labels[p.Name] = p.Name
		names := called(p)
		if before := prefix(p); before == "" || prefixes[before] < 2 {
			names = names[1:]
		}
		for _, name := range names {
			if owners[name] == 1 || name == p.Name {
				labels[p.Name] = name
				break
			}
		}
	}
	return labels
}

// called are what a package may be called, its folder's last name first and once more
// after its name without the scope. A name without a scope is unique.
func called(p *workspace.Package) []string {
	switch {
	case p.Name == ".":
		return []string{"root", "root"}
	case p.Dir == ".":
		return []string{p.Name, unscoped(p.Name)}
	case unscoped(p.Name) == p.Name:
		return []string{folderName(p), p.Name}
	}
	return []string{folderName(p), unscoped(p.Name), folderName(p)}
}

// prefix is what stands before the folder's last name in a package's name without its
// scope: "acme-" of "@acme/acme-core" in packages/core. It is empty if there is none.
func prefix(p *workspace.Package) string {
	before, ok := strings.CutSuffix(unscoped(p.Name), folderName(p))
	if !ok || strings.TrimRight(before, "-._") == before {
		return ""
	}
	return before
}

// folderName is the last name of a package's folder, as it can be printed.
func folderName(p *workspace.Package) string { return printable.Name(path.Base(p.Dir)) }

func unscoped(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// mostTasks is how many tasks an error lists.
const mostTasks = 8

// FindTask finds a task by what a user calls it: a package's label, name or folder, "#", and
// a target or a script. labels are those of all packages.
func FindTask(in Setting, labels map[string]string, text string) (pkg *workspace.Package, target string, err error) {
	p := &Plan{Setting: in}
	at := strings.LastIndex(text, "#")
	var known []string
	for _, pkg := range in.Workspace.All() {
		label := labels[pkg.Name]
		targets := map[string]bool{}
		for name := range declared.DefaultDependsOn() {
			_, targets[name] = p.script(pkg, name)
		}
		for name := range pkg.Scripts {
			targets[name] = true
		}
		for _, target := range slices.Sorted(maps.Keys(targets)) {
			if !targets[target] {
				continue
			}
			known = append(known, label+"#"+target)
			if at >= 0 && text[at+1:] == target && slices.Contains(append(pkg.Keys(), label, pkg.DeclaredName), text[:at]) {
				return pkg, target, nil
			}
		}
	}
	mistake := &problem.Error{Where: "-task=" + text, What: "there is no such task"}
	if near := nearest.Names(text, known, 3); len(near) > 0 {
		mistake.Hint = "did you mean " + strings.Join(near, ", or ") + "?"
	} else {
		mistake.Hint = "write PACKAGE#TARGET; there are: " + problem.ShortList(known, mostTasks)
	}
	return nil, "", mistake
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
