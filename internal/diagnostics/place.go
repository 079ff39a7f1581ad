package diagnostics

import (
	"cmp"
	"os"
	"path/filepath"
	"strconv"

	"github.com/heapmage/heapmage/internal/printable"
)

// Locate returns the path of a file that a tool in the folder dir names, relative to the workspace
// at root and with "/"; empty if the workspace has no such file. Tools name files from the folder
// in which they run, usually that of the package, or else the root.
func Locate(root, dir, file string) string {
	if filepath.IsAbs(file) {
		resolved, _ := filepath.EvalSymlinks(root) // as tools see it
		return cmp.Or(inside(root, file), inside(resolved, file))
	}
	return cmp.Or(inside(root, filepath.Join(dir, file)), inside(root, filepath.Join(root, file)))
}

// inside returns the path of a file relative to the folder root, empty if it is not in there.
func inside(root, file string) string {
	rel, err := filepath.Rel(root, file)
	if err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return filepath.ToSlash(rel)
}

// In makes the files of errors relative to the workspace at root, if the tool ran in the folder
// dir. The place of one that is not there moves into its message.
func (r Report) In(root, dir string) Report {
	for i := range r.Errors {
		f := &r.Errors[i]
		if named := f.File; named != "" {
			if f.File = Locate(root, dir, named); f.File == "" {
				if named = printable.Text(named); f.Line > 0 {
					named += ":" + strconv.Itoa(f.Line)
				}
				f.Message = named + ": " + f.Message
				f.Line, f.Column = 0, 0
			}
		}
	}
	return r
}
