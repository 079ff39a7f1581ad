package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/selection"
	"github.com/heapmage/heapmage/internal/workspace"
)

// choice is which packages a request means for a target.
type choice struct {
	target   string
	packages []*workspace.Package
	// named is set if the user has named them, or the folder in which he is does. If none has
	// the script, the root's does not run in their place.
	named bool
	// varies is set if which they are depends on a commit, so that none is no mistake.
	varies bool
	// where is the flags that name them, or the folder.
	where string
}

// choose returns the packages that the request means for each of its targets: those of its
// flags, or of the folder in which the user is, or all. If none is left, it sets Unaffected.
func (p *Plan) choose() (all []choice, err error) {
	space := selection.Space{Workspace: p.Workspace, Folder: p.Folder, Changed: p.changedIn}
	c, excluded := choice{}, selection.Selected{}
	switch here := space.Here(); {
	case p.Request.Packages != nil:
		found, err := c.find(space, "-workspace", *p.Request.Packages)
		if err != nil {
			return nil, err
		}
		if found.Dot {
			p.notice(event.Selected, "In -workspace=, a dot still means the root, and will mean the package in this folder; write // for the root")
		}
		c.packages = found.Packages
	case len(here) > 0:
		c = choice{packages: here, named: true, where: p.Folder}
		p.noticeHere(here)
	}
	everywhere := !c.named
	if p.Exclude != nil {
		if excluded, err = c.find(space, "-exclude", *p.Exclude); err != nil {
			return nil, err
		}
	}
	left := 0
	for _, c.target = range p.targets {
		one := c
		if one.packages = slices.Clone(c.packages); everywhere {
			one.packages = p.all(c.target)
		}
		one.packages = slices.DeleteFunc(one.packages, func(pkg *workspace.Package) bool { return slices.Contains(excluded.Packages, pkg) })
		left += len(one.packages)
		all = append(all, one)
	}
	if left == 0 {
		p.Unaffected = fmt.Sprintf("Nothing to %s: no package is selected by %s", p.Target, c.where)
	}
	return all, nil
}

// find returns the packages that a flag means, and notes that it names some.
func (c *choice) find(space selection.Space, flag, text string) (selection.Selected, error) {
	found, err := space.Select(flag, text)
	c.named, c.varies = true, c.varies || found.Varies
	c.where = strings.TrimLeft(c.where+" "+flag+"="+text, " ")
	return found, err
}

// all are the packages that a request means if nothing tells. The root of a workspace with
// members is one of them only if its task is declared beside those of the members.
func (p *Plan) all(target string) []*workspace.Package {
	if target == "bundle" && p.Workspace.RootPackage != nil {
		return []*workspace.Package{p.Workspace.RootPackage}
	}
	if len(p.Workspace.Packages) == 1 {
		return slices.Clone(p.Workspace.Packages)
	}
	root := slices.ContainsFunc(script.Names(target), p.Declared.RootTask)
	return slices.DeleteFunc(p.Workspace.All(), func(pkg *workspace.Package) bool { return pkg.Dir == "." && !root })
}

// noticeHere adds a notice that the folder decides.
func (p *Plan) noticeHere(here []*workspace.Package) {
	who := here[0].Name + ", in whose folder this is"
	if len(here) > 1 || here[0].Dir != p.Folder && !strings.HasPrefix(p.Folder, here[0].Dir+"/") {
		who = fmt.Sprintf("the %s below this folder", packages(len(here)))
	}
	p.notice(event.Selected, fmt.Sprintf("Only %s; -workspace='*' means all", who))
}

// changedIn are the packages that have changed in a range.
func (p *Plan) changedIn(where string, r selection.Range) (map[*workspace.Package]bool, error) {
	if p.Between == nil {
		return nil, &problem.Error{Where: where, What: "commits cannot be used here", Hint: "name packages"}
	}
	c, err := p.Between(where, r.From, r.To)
	if err != nil {
		return nil, err
	}
	if c.All != "" {
		p.notice(event.Selected, fmt.Sprintf("All packages have changed%s: %s may affect each of them", c.Since, c.All))
	}
	return c.Packages, nil
}
