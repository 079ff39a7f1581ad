//go:build linux

package chaos

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// logEnd ends the names of the files with what heapmage printed.
const logEnd = ".log"

// pictured is what is in a folder: for each path its mode and what is in it.
type pictured map[string]string

// picture looks at everything in the folder of a plan but .heapmage, what tasks may
// write, and this program's logs.
func picture(dir string) (pictured, error) {
	all := pictured{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == ".heapmage" || d.Name() == "dist" {
			return fs.SkipDir
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || filepath.Ext(name) == logEnd {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var content []byte
		switch {
		case info.Mode().IsRegular():
			content, err = os.ReadFile(path)
		case info.Mode()&fs.ModeSymlink != 0:
			var to string
			to, err = os.Readlink(path)
			content = []byte(to)
		}
		all[name] = fmt.Sprintf("%v %x", info.Mode(), sha256.Sum256(content))
		return err
	})
	return all, err
}

// changed names what is different in two pictures, empty if nothing is.
func (before pictured) changed(after pictured) string {
	var names []string
	for name, was := range before {
		if is, there := after[name]; !there {
			names = append(names, name+" is gone")
		} else if is != was {
			names = append(names, name+" has changed")
		}
	}
	for name := range after {
		if _, there := before[name]; !there {
			names = append(names, name+" is new")
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
