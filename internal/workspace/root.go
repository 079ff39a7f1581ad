package workspace

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/glob"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/pkgmanager"
	"github.com/heapmage/heapmage/internal/problem"
)

// root is a folder with a package.json or a pnpm-workspace.yaml, which may be the
// root of a workspace.
type root struct {
	pkgmanager.Manager
	dir      string
	manifest *packagejson.Manifest // nil if there is only a pnpm-workspace.yaml
	globs    []string
	globFile string // the file that holds the globs
	isRoot   bool   // the folder declares members, or could
}

// openRoot reads what decides whether a folder is a workspace's root.
func openRoot(dir string) (*root, error) {
	r := &root{dir: dir, globFile: "package.json"}
	text, err := folder.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil && !os.IsNotExist(err) {
		return nil, &problem.Error{Where: filepath.Join(dir, "package.json"), What: "cannot be read", Cause: err, Hint: folder.Hint(err)}
	}
	if err == nil {
		if err := r.parse(text); err != nil {
			return nil, err
		}
	}
	if r.Manager, err = pkgmanager.Detect(dir, r.manifest); err != nil {
		return nil, err
	}
	if err := r.readGlobs(); err != nil {
		return nil, err
	}
	return r, nil
}

// parse reads the root's package.json. What only bun can read is an error with any other
// manager.
func (r *root) parse(text []byte) error {
	m, mistake := packagejson.Parse(text)
	if mistake != nil {
		var manager pkgmanager.Manager
		if loose, _ := packagejson.ParseLoose(text); loose != nil {
			m = loose
			manager, _ = pkgmanager.Detect(r.dir, m) // its error comes where it matters
		}
		if manager.Name != Bun {
			return &problem.Error{Where: mistake.In("package.json"), What: mistake.What, Hint: "fix " + filepath.Join(r.dir, "package.json")}
		}
	}
	r.manifest = m
	return nil
}

// readGlobs finds the patterns of the members.
func (r *root) readGlobs() error {
	var listed bool
	if r.manifest != nil {
		var mistake *problem.Mistake
		if r.globs, listed, mistake = r.manifest.Workspaces(); mistake != nil {
			return &problem.Error{Where: mistake.In("package.json"), What: mistake.What, Hint: `write "workspaces": ["packages/*"]`}
		}
	}
	r.isRoot = listed || r.PNPM != nil
	if !r.isRoot {
		return r.readLerna()
	}
	if r.Name != PNPM {
		return nil
	}
	switch {
	case r.PNPM != nil && r.PNPM.HasPackages:
		r.globs, r.globFile = r.PNPM.Packages, pkgmanager.PNPMFile
	case r.PNPM != nil && r.Version != "" && pkgmanager.Major(r.Version) < 9:
		r.globs, r.globFile = []string{"**"}, pkgmanager.PNPMFile
	case len(r.globs) > 0:
		r.Warnings = append(r.Warnings, `pnpm reads its members from "packages" in pnpm-workspace.yaml, which is missing: "workspaces" in package.json is used`)
	}
	return nil
}

// readLerna reads the patterns of a lerna.json, which holds if the package manager knows
// of no workspace.
func (r *root) readLerna() error {
	const file = "lerna.json"
	text, err := folder.ReadFile(filepath.Join(r.dir, file))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return &problem.Error{Where: file, What: "cannot be read", Cause: err, Hint: folder.Hint(err)}
	}
	m, mistake := packagejson.Parse(text)
	if mistake != nil {
		return &problem.Error{Where: mistake.In(file), What: mistake.What, Hint: "fix " + filepath.Join(r.dir, file)}
	}
	if m.Decode("packages", &r.globs) && len(r.globs) > 0 {
		r.isRoot, r.globFile = true, file
	}
	return nil
}

// standsAlone tells whether the folder is a root whatever is above it.
func (r *root) standsAlone() bool {
	return r.isRoot && (r.PNPM != nil || r.LockFile != "")
}

// outer returns the nearest root above that has this folder as a member, nil if
// there is none. A broken package.json above is an error only if a lock file or
// version control shows that it belongs to a repository.
func (r *root) outer() (*root, error) {
	for at := filepath.Dir(r.dir); ; at = filepath.Dir(at) {
		if hasManifest(at) {
			above, err := openRoot(at)
			if err != nil && (pkgmanager.HasLockFile(at) || folder.Has(at, ".git")) {
				return nil, err
			}
			if err == nil && above.isRoot && above.contains(r.dir) {
				return above, nil
			}
		}
		if filepath.Dir(at) == at {
			return nil, nil
		}
	}
}

// contains tells whether the root's globs let a folder in.
func (r *root) contains(dir string) bool {
	rel, err := filepath.Rel(r.dir, dir)
	return err == nil && slices.ContainsFunc(glob.Compile(r.globs, r.Negation()), func(rule glob.Rule) bool {
		return rule.Contains(filepath.ToSlash(rel))
	})
}
