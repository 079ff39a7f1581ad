package filetree

import (
	"iter"
	"os"
	"path/filepath"
)

// Beside yields what lies in the folders of a list, in the workspace at root, and is not on the list itself. What
// is being put back is left out.
func Beside(root string, files []File) iter.Seq[string] {
	return func(yield func(string) bool) {
		listed := map[string]bool{}
		for _, f := range files {
			listed[f.Path] = true
		}
		for _, f := range files {
			if f.Kind != Folder {
				continue
			}
			there, _ := os.ReadDir(filepath.Join(root, filepath.FromSlash(f.Path))) // it may not be there yet
			for _, e := range there {
				if path := f.Path + "/" + e.Name(); !listed[path] && !IsTemp(e.Name()) && !yield(path) {
					return
				}
			}
		}
	}
}
