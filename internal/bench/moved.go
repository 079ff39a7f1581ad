package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// moved is the pattern of the folders that moveAway makes.
const moved = ".moved-*"

// moveAway takes files and folders out of the workspace at dir. They are not removed before
// removeMoved: ext4 gives no inode out again for some minutes, and looks at each of the
// removed ones whenever a file is made. Those that are not there are passed over.
func moveAway(dir string, names ...string) error {
	to, err := os.MkdirTemp(filepath.Dir(dir), moved)
	if err != nil {
		return err
	}
	for i, name := range names {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(to, strconv.Itoa(i))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// removeMoved removes what was moved out of the workspaces in root.
func removeMoved(root string) {
	folders, _ := filepath.Glob(filepath.Join(root, moved)) // the pattern is a good one
	for _, folder := range folders {
		_ = os.RemoveAll(folder) // the next call removes what stays
	}
}
