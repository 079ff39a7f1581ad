package inspect

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/affected"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/selection"
	"github.com/heapmage/heapmage/internal/table"
	"github.com/heapmage/heapmage/internal/workspace"
)

// listVersion is that of the list's JSON. Later ones only add fields.
const listVersion = 1

// listed are the packages of a workspace. Its JSON is described in docs/plan.md.
type listed struct {
	Version  int             `json:"version"`
	Root     string          `json:"root"`
	Manager  string          `json:"manager"`
	Packages []listedPackage `json:"packages"`
	Warnings []string        `json:"warnings"`
}

// listedPackage is a package of the list. Version is empty if it declares none.
type listedPackage struct {
	Package      string             `json:"package"`
	Label        string             `json:"label"`
	Folder       string             `json:"folder"`
	Version      string             `json:"version"`
	Scripts      map[string]string  `json:"scripts"`
	Dependencies []listedDependency `json:"dependencies"`
}

// listedDependency is a package of the workspace that another depends on, by a field of its
// package.json.
type listedDependency struct {
	Package string `json:"package"`
	Field   string `json:"field"`
	Range   string `json:"range"`

	label string
}

// List prints the packages of the workspace around the working folder, or the selected ones;
// nil selects all. It starts no script and writes nothing.
func List(ctx context.Context, selected *string, asJSON bool) error {
	ws, err := workspaceHere()
	if err != nil {
		return err
	}
	c, err := config.Load(ws.Root, os.Environ())
	if err != nil {
		return err
	}
	if _, err := declared.Load(ws, c); err != nil { // it adds scripts to packages
		return err
	}
	packages := ws.All()
	if selected != nil {
		if packages, err = selectIn(ctx, ws, *selected); err != nil {
			return err
		}
	}
	l := listOf(ws, packages)
	if asJSON {
		text, err := printable.JSON(l)
		if err != nil {
			return err
		}
		return report.Emit(ctx, os.Environ(), text, nil)
	}
	return report.Print(ctx, os.Environ(), func(out *report.Console) error { return l.write(out, report.Width()) })
}

// selectIn returns the packages that the text of -workspace means.
func selectIn(ctx context.Context, ws *workspace.Workspace, text string) ([]*workspace.Package, error) {
	dir, _ := os.Getwd() // an error of it ends the command earlier
	space := selection.Space{Workspace: ws, Folder: ws.Rel(dir), Changed: func(where string, r selection.Range) (map[*workspace.Package]bool, error) {
		c, err := affected.Between(ctx, ws)(where, r.From, r.To)
		if err != nil {
			return nil, err
		}
		return c.Packages, nil
	}}
	found, err := space.Select("-workspace", text)
	return found.Packages, err
}

func listOf(ws *workspace.Workspace, packages []*workspace.Package) listed {
	l := listed{Version: listVersion, Root: ws.Root, Manager: string(ws.Manager), Packages: []listedPackage{}, Warnings: append([]string{}, ws.Warnings...)}
	labels := plan.Labels(ws.All())
	for _, p := range packages {
		one := listedPackage{Package: p.Name, Label: labels[p.Name], Folder: p.Dir, Version: p.Version, Scripts: p.Scripts, Dependencies: []listedDependency{}}
		if one.Scripts == nil {
			one.Scripts = map[string]string{}
		}
		for _, d := range p.Dependencies {
			one.Dependencies = append(one.Dependencies, listedDependency{Package: d.To.Name, Field: d.Kind.String(), Range: d.Spec, label: labels[d.To.Name]})
		}
		l.Packages = append(l.Packages, one)
	}
	return l
}

// write writes the list for people, in lines no longer than width; zero cuts nothing.
func (l listed) write(w io.Writer, width int) error {
	fmt.Fprintf(w, "Workspace: %s (%s), %s\n", printable.Text(l.Root), l.Manager, printable.Count(len(l.Packages), "package"))
	for _, text := range l.Warnings {
		fmt.Fprintf(w, "⚠️  %s\n", printable.Text(text))
	}
	fmt.Fprintln(w)
	var rows [][]string
	for _, p := range l.Packages {
		var names []string
		for _, d := range p.Dependencies {
			names = append(names, d.label)
		}
		slices.Sort(names)
		row := []string{p.Package, p.Folder, p.Version, strings.Join(slices.Sorted(maps.Keys(p.Scripts)), ", "), strings.Join(slices.Compact(names), ", ")}
		for i, cell := range row {
			row[i] = printable.Name(cell)
		}
		rows = append(rows, row)
	}
	columns := []table.Column{{Head: "PACKAGE", Give: 1}, {Head: "FOLDER", Give: 1}, {Head: "VERSION", Give: 2}, {Head: "SCRIPTS", Give: 3, List: true}, {Head: "DEPENDS ON", Give: 3, List: true}}
	return table.Write(w, width, columns, rows)
}
