//go:build !unix

package fingerprint

import (
	"io/fs"
	"os"
)

const readFlags = os.O_RDONLY

func lstat(path string) (stamp, fs.FileMode, error) { return stampOf(os.Lstat(path)) }

func fstat(f *os.File) (stamp, fs.FileMode, error) { return stampOf(f.Stat()) }

func stampOf(info fs.FileInfo, err error) (stamp, fs.FileMode, error) {
	if err != nil {
		return stamp{}, 0, err
	}
	return stamp{size: info.Size(), modified: info.ModTime().UnixNano()}, info.Mode(), nil
}

// Stamp is not known: neither ctime nor inode is told.
func Stamp(string) (text string, ok bool) { return "", false }
