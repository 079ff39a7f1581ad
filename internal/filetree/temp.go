package filetree

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"time"

	"github.com/heapmage/heapmage/internal/confined"
)

// tempName is the form of the names of temporary files in the workspace: a file is
// written under such a name beside the file that it replaces.
var tempName = regexp.MustCompile(`^\.heapmage-[0-9a-f]{16}\.tmp$`)

// IsTemp reports whether a file of the workspace, by its name without folders, is a
// temporary one of Plan.Do. It is no output of a task. One that a killed process left is
// removed by the next Plan.Do into its folder, an hour later.
func IsTemp(name string) bool { return tempName.MatchString(name) }

// abandoned is the age at which a temporary file in the workspace has no owner any more.
const abandoned = time.Hour

func newTemp() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // it does not fail
	return ".heapmage-" + hex.EncodeToString(id[:]) + ".tmp"
}

// sweep removes the temporary files in a folder of the workspace that a killed process
// left.
func sweep(f *confined.Folder) {
	names, err := f.Names()
	if err != nil {
		return
	}
	for _, name := range names {
		if !IsTemp(name) {
			continue
		}
		if info, err := f.Lstat(name); err == nil && !info.IsDir() && time.Since(info.ModTime()) > abandoned {
			_ = f.Remove(name) // the next one tries again
		}
	}
}
