package workspace

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/glob"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/problem"
)

// members returns the manifests of the member folders, by folder.
func (r *root) members(w *Workspace) (map[string]*packagejson.Manifest, error) {
	members := map[string]*packagejson.Manifest{}
	if len(r.globs) > 0 {
		if err := r.expand(w, ".", r.globs, members); err != nil {
			return nil, err
		}
	}
	if r.RootIsMember() && r.manifest != nil {
		members["."] = r.manifest
	}
	if r.Name != Yarn || r.Berry {
		return members, nil
	}
	for _, dir := range slices.Sorted(maps.Keys(members)) {
		if m := members[dir]; m.Name == "" || m.Version == "" {
			delete(members, dir)
			w.Warnings = append(w.Warnings, path.Join(dir, "package.json")+" has no name or no version: yarn 1 does not count it as a package, and neither does heapmage")
		}
	}
	return members, nil
}

// expand adds the members that globs let in. base is the folder that the globs
// start from: with yarn Berry a member may have members itself.
func (r *root) expand(w *Workspace, base string, globs []string, members map[string]*packagejson.Manifest) error {
	finder := glob.NewFinder(filepath.Join(r.dir, filepath.FromSlash(base)), r.FolderLinks())
	rules := glob.Compile(globs, r.Negation())
	folders := make([][]string, len(rules))
	candidates := map[string]bool{}
	for i, rule := range rules {
		for _, dir := range finder.Folders(rule) {
			folders[i] = append(folders[i], path.Join(base, dir))
			candidates[path.Join(base, dir)] = true
		}
	}
	found, err := r.readManifests(candidates)
	if err != nil {
		return err
	}
	r.reportOtherManifests(w, candidates, found)
	var empty []string
	for i, rule := range rules {
		if !slices.ContainsFunc(folders[i], func(dir string) bool { return found[dir] != nil }) {
			empty = append(empty, rule.Text)
		}
	}
	if err := r.reportEmpty(w, base, empty, len(rules)); err != nil {
		return err
	}
	var inner []string
	for dir, m := range found {
		if members[dir] != nil || dir == "." && r.Name == NPM && !slices.Contains(globs, ".") {
			continue
		}
		members[dir] = m
		if dir != "." {
			inner = append(inner, dir)
		}
	}
	if !r.Berry {
		return nil
	}
	slices.Sort(inner)
	for _, dir := range inner {
		more, _, mistake := found[dir].Workspaces()
		if mistake != nil || len(more) == 0 {
			continue
		}
		if err := r.expand(w, dir, more, members); err != nil {
			return err
		}
	}
	return nil
}

// reportOtherManifests warns of packages that only pnpm can read.
func (r *root) reportOtherManifests(w *Workspace, folders map[string]bool, found map[string]*packagejson.Manifest) {
	if r.Name != PNPM {
		return
	}
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		for _, name := range []string{"package.json5", "package.yaml"} {
			if found[dir] == nil && folder.HasFile(filepath.Join(r.dir, filepath.FromSlash(dir)), name) {
				w.Warnings = append(w.Warnings, path.Join(dir, name)+" is not read: heapmage reads package.json only, and leaves the package out")
			}
		}
	}
}

// reportEmpty warns of globs that match no package. It is an error if none of
// the root's globs does; count is how many there are.
func (r *root) reportEmpty(w *Workspace, base string, empty []string, count int) error {
	file := path.Join(base, r.globFile)
	if count > 0 && len(empty) == count && base == "." {
		return &problem.Error{
			Where: file,
			What:  "no folder with a package.json matches " + quoted(empty),
			Hint:  "name the folders of the packages, such as \"packages/*\"",
		}
	}
	for _, text := range empty {
		w.Warnings = append(w.Warnings, fmt.Sprintf("%s: no folder with a package.json matches %q", file, text))
	}
	return nil
}

func newPackage(root, dir string, m *packagejson.Manifest) *Package {
	scripts := m.Scripts
	if scripts == nil {
		scripts = map[string]string{}
	}
	return &Package{
		DeclaredName: m.Name,
		Dir:          dir,
		Path:         filepath.Join(root, filepath.FromSlash(dir)),
		Version:      m.Version,
		private:      m.Private,
		Scripts:      scripts,
		Manifest:     bytes.Clone(m.Text), // its array has room that a clone frees
	}
}

// quoted lists texts, at most the first three of many.
func quoted(texts []string) string {
	var b strings.Builder
	for i, t := range texts {
		if i == 3 && len(texts) > 4 {
			fmt.Fprintf(&b, " or %d more", len(texts)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", t)
	}
	return b.String()
}
