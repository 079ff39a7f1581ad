package filetree

import (
	"os"
	"path"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/confined"
)

// tree leads to the files of a workspace, and follows no link on the way. It keeps the
// folders of the last path open. Close it.
type tree struct {
	root  *confined.Folder // the caller closes it
	names []string
	open  []*confined.Folder
}

func newTree(root *os.Root) *tree { return &tree{root: &confined.Folder{Root: root}} }

// folder opens the folder at a path, which stays open until the next call.
func (t *tree) folder(name string) (*confined.Folder, error) {
	var parts []string
	if name != "." {
		parts = strings.Split(name, "/")
	}
	shared := 0
	for shared < min(len(parts), len(t.names)) && parts[shared] == t.names[shared] {
		shared++
	}
	t.forget(shared)
	at := t.root
	if shared > 0 {
		at = t.open[shared-1]
	}
	for _, part := range parts[shared:] {
		next, err := at.Sub(part)
		if err != nil {
			return nil, err
		}
		t.names, t.open, at = append(t.names, part), append(t.open, next), next
	}
	return at, nil
}

// of opens the folder of a file, and returns the name of the file in it.
func (t *tree) of(name string) (*confined.Folder, string, error) {
	f, err := t.folder(path.Dir(name))
	return f, path.Base(name), err
}

// forget closes the open folders but the first few.
func (t *tree) forget(keep int) {
	for _, f := range slices.Backward(t.open[keep:]) {
		_ = f.Close() // it was only read
	}
	t.names, t.open = t.names[:keep], t.open[:keep]
}

func (t *tree) close() { t.forget(0) }
