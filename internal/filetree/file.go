// Package filetree describes the files that a task left in a workspace, reads them, and puts
// them back. It follows no symbolic link on the way to a file, so that nothing outside of
// the workspace is read or written; before it writes anything, it checks that all may be
// written; and a file is replaced as a whole or not at all.
package filetree

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/rundir"
)

// File is a file, a folder or a link that a task left.
type File struct {
	// Path is relative to the workspace, with slashes.
	Path string `json:"path"`
	Kind Kind   `json:"kind"`
	// Mode are the permission bits. Links have none.
	Mode fs.FileMode `json:"mode,omitempty"`
	// Target is where a link leads.
	Target string `json:"target,omitempty"`
	// Size is that of a file in bytes, and Digest that of its content.
	Size   int64              `json:"size,omitempty"`
	Digest fingerprint.Digest `json:"digest,omitzero"`
}

// State is the state of the file as the task left it: what fingerprint.Digests.Content returns for one that
// is still so. Of links that holds unless they lead into the workspace by an absolute path.
func (f File) State() fingerprint.State {
	switch f.Kind {
	case Folder:
		return fingerprint.PresenceOf(fs.ModeDir | f.Mode)
	case Link:
		return fingerprint.State("link to " + f.Target)
	case Regular:
	}
	return fingerprint.ContentOf(f.Digest)
}

// Kind is what a File is.
type Kind string

// The kinds that can be stored.
const (
	Regular Kind = "file"
	Folder  Kind = "dir"
	Link    Kind = "link"
)

// kindOf is the kind of a file, empty if it cannot be stored.
func kindOf(mode fs.FileMode) Kind {
	switch {
	case mode.IsRegular():
		return Regular
	case mode.IsDir():
		return Folder
	case mode.Type() == fs.ModeSymlink:
		return Link
	}
	return ""
}

// longestTarget bounds a link's target in bytes.
const longestTarget = 4096

// CheckPaths returns a *Refusal for the first path that cannot be stored on any system.
func CheckPaths(files []File) error {
	kinds := make(map[string]Kind, len(files))
	for _, f := range files {
		if err := checkPath(f.Path); err != nil {
			return refuse(Unsuitable, f.Path, err)
		}
		if _, twice := kinds[f.Path]; twice {
			return refuse(Unsuitable, f.Path, errors.New("it is listed twice"))
		}
		kinds[f.Path] = f.Kind
	}
	for _, f := range files {
		for up := path.Dir(f.Path); up != "."; up = path.Dir(up) {
			if kind, listed := kinds[up]; listed && kind != Folder && kind != "" {
				return refuse(Unsuitable, f.Path, fmt.Errorf("%s is no folder", up))
			}
		}
	}
	return nil
}

// checkPath returns why a path cannot be that of a result on any system.
func checkPath(name string) error {
	switch {
	case !fs.ValidPath(name) || name == "." || strings.ContainsRune(name, 0):
		return errors.New("it is not a path in UTF-8 inside of the workspace")
	case strings.EqualFold(strings.SplitN(name, "/", 2)[0], rundir.Name):
		return errors.New("it is in heapmage's own folder")
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.EqualFold(part, ".git") {
			return errors.New("it is in Git's folder")
		}
		if IsTemp(part) {
			return errors.New("it has the name of a temporary file of heapmage")
		}
	}
	return nil
}

// Check returns a *Refusal for the first description that Reader cannot have made.
func Check(files []File) error {
	if err := CheckPaths(files); err != nil {
		return err
	}
	total := int64(0)
	for _, f := range files {
		wrong := f.Size < 0 || f.Size > math.MaxInt64-total || f.Mode != f.Mode.Perm()
		switch f.Kind {
		case Regular:
			wrong = wrong || f.Target != ""
		case Folder:
			wrong = wrong || f.Target != "" || f.Size != 0 || f.Digest != fingerprint.Digest{}
		case Link:
			wrong = wrong || f.Mode != 0 || f.Size != 0 || f.Digest != fingerprint.Digest{} ||
				f.Target == "" || len(f.Target) > longestTarget || strings.ContainsRune(f.Target, 0)
		default:
			wrong = true
		}
		if wrong {
			return refuse(Unsuitable, f.Path, errors.New("its description is wrong"))
		}
		total += f.Size
	}
	return nil
}

// foldsCase is set on systems whose file systems usually take upper and lower case for the
// same.
const foldsCase = runtime.GOOS == "windows" || runtime.GOOS == "darwin"

// checkHere refuses the first path that cannot exist on this system, or beside another.
func checkHere(files []File, folds bool) error {
	seen := map[string]string{}
	for _, f := range files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) || filepath.Separator != '/' && strings.ContainsAny(f.Path, `\:`) {
			return refuse(Unusable, f.Path, nil)
		}
		for at := f.Path; folds && at != "."; at = path.Dir(at) {
			if other, taken := seen[folded(at)]; taken && other != at {
				return refuse(Unusable, f.Path, fmt.Errorf("it is the same as %s", other))
			}
			seen[folded(at)] = at
		}
	}
	return nil
}

// folded is equal for names that differ in upper and lower case only.
func folded(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// Equal reports whether two lists have the same files, in any order.
func Equal(a, b []File) bool {
	if len(a) != len(b) {
		return false
	}
	files := make(map[string]File, len(a))
	for _, f := range a {
		files[f.Path] = f
	}
	for _, f := range b {
		if files[f.Path] != f {
			return false
		}
	}
	return true
}

// Difference returns the path of a file or a link in which two lists differ, empty if there is none.
// Folders tell nothing: one that was there before a task ran is not in the list of what it left.
func Difference(a, b []File) string {
	before := map[string]File{}
	for _, f := range a {
		before[f.Path] = f
	}
	for _, f := range b {
		if before[f.Path] != f && f.Kind != Folder {
			return f.Path
		}
		delete(before, f.Path)
	}
	for path, f := range before {
		if f.Kind != Folder {
			return path
		}
	}
	return ""
}
