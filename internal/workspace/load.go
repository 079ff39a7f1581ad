package workspace

import (
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/problem"
)

// Load reads the workspace that dir belongs to: dir may be its root, one of its
// members, or a folder inside of either. A package.json goes before a Go module.
// Every error is a *problem.Error.
func Load(dir string) (*Workspace, error) {
	dir, err := realFolder(dir)
	if err != nil {
		return nil, err
	}
	goDir := ""
	for at := dir; ; at = filepath.Dir(at) {
		if hasManifest(at) {
			return loadNode(at)
		}
		if goDir == "" && (folder.Has(at, "go.mod") || folder.Has(at, "go.work")) {
			goDir = at
		}
		// A Go repository ends where its version control does: a stray
		// package.json in the home folder does not count.
		if goDir != "" && folder.Has(at, ".git") || filepath.Dir(at) == at {
			break
		}
	}
	if goDir != "" {
		return loadGo(goDir)
	}
	return nil, noWorkspace(dir)
}

// upwards are a folder and those above it, up to the one that has the version control.
func upwards(dir string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for at := dir; yield(at) && !folder.Has(at, ".git") && filepath.Dir(at) != at; {
			at = filepath.Dir(at)
		}
	}
}

// realFolder is a folder's absolute path without symbolic links.
func realFolder(dir string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err == nil {
		absolute, err = filepath.EvalSymlinks(absolute)
	}
	if err == nil {
		var info fs.FileInfo
		if info, err = os.Stat(absolute); err == nil && !info.IsDir() {
			return "", &problem.Error{Where: dir, What: "is a file, not a folder", Hint: "name the workspace's folder"}
		}
	}
	if err != nil {
		return "", &problem.Error{Where: dir, What: "the folder cannot be opened", Cause: reason(err), Hint: "name a folder inside a repository"}
	}
	return absolute, nil
}

// hasManifest reports whether a folder has a file of those names. Whether it can be
// read is found out later: a workspace further up is not the one that is meant.
func hasManifest(dir string) bool {
	return folder.Has(dir, "package.json") || folder.Has(dir, "pnpm-workspace.yaml")
}

// loadNode loads the workspace of the package in dir.
func loadNode(dir string) (*Workspace, error) {
	root, err := openRoot(dir)
	if err != nil {
		return nil, err
	}
	for !root.standsAlone() {
		outer, err := root.outer()
		if err != nil {
			return nil, err
		}
		if outer == nil {
			break
		}
		wasRoot := root.isRoot
		root = outer
		// Only with yarn Berry do members of members belong to the outer workspace.
		if wasRoot || !outer.Berry {
			break
		}
	}
	if file, ok := root.ofRush(); ok {
		return nil, &problem.Error{Where: file, What: "this is a repository of Rush, which installs and builds its packages in its own way",
			Hint: "build it with `rush build`"}
	}
	return root.load()
}

// load reads the members and their edges.
func (r *root) load() (*Workspace, error) {
	w := &Workspace{
		Root:            r.dir,
		Manager:         r.Name,
		ManagerVersion:  r.Version,
		ManagerFrom:     r.From,
		ManagerDeclared: r.Declared,
		YarnFile:        r.YarnFile,
		LockFile:        r.LockFile,
		PnP:             r.PlugNPlay(r.dir),
		PNPM:            r.PNPM,
		Warnings:        r.Warnings,
	}
	own := r.manifest
	if own == nil {
		own = &packagejson.Manifest{}
	}
	members, err := r.members(w)
	if err != nil {
		return nil, err
	}
	manifests := map[*Package]*packagejson.Manifest{}
	for dir, m := range members {
		p := newPackage(r.dir, dir, m)
		manifests[p] = m
		w.Packages = append(w.Packages, p)
	}
	slices.SortFunc(w.Packages, byDir)
	if err := r.checkNames(w.Packages); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(w.Packages, func(p *Package) bool { return p.Dir == "." }); i >= 0 {
		w.RootPackage = w.Packages[i]
	} else {
		w.RootPackage = newPackage(r.dir, ".", own)
		manifests[w.RootPackage] = own
		if len(w.Packages) == 0 {
			w.Packages = []*Package{w.RootPackage}
		}
	}
	giveNames(w)
	w.byName = w.sortedByName()
	resolveEdges(w, r, manifests)
	return w, nil
}

// reason takes the path off a file error: the message names it.
func reason(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}
