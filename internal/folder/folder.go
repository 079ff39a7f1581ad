// Package folder tells what is in a folder, and reads files of a repository. What
// cannot be looked at counts as not there: its callers look for files that may be
// missing. Only regular files are read, up to a size, because anything may lie in a
// repository: a read never waits for a pipe, and never fills the memory.
package folder

import (
	"io"
	"os"
	"path/filepath"
)

// Has reports whether a folder holds anything of that name. A link that leads
// nowhere counts as nothing.
func Has(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// HasFile reports whether a folder holds a regular file of that name, or a link
// to one.
func HasFile(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular()
}

// Read returns the text of a file in a folder, nil if ReadFile fails. An empty file
// is not nil.
func Read(dir, name string) []byte {
	text, err := ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil
	}
	return text
}

// Head returns the first bytes of a file in a folder, at most limit, nil if it is
// not a regular file or cannot be read.
func Head(dir, name string, limit int64) []byte {
	f, err := open(filepath.Join(dir, name))
	if err != nil {
		return nil
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, limit)) // what was read is enough
	return text
}
