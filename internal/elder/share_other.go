//go:build !linux

package elder

import (
	"io/fs"
	"os"
)

// places are the folders in which marks are left.
var places = []string{os.TempDir()}

// ownedAs reports whether a mark belongs to the user of its process: the folder is
// this user's.
func (mark) ownedAs(fs.FileInfo) bool { return true }

// memory is that of the machine, which all processes share.
type memory struct{}

func shortest() *memory            { return &memory{} }
func (*memory) holds(pid int) bool { return pid > 0 }
