package environ

import (
	"os"
	"path/filepath"
	"runtime"
)

// Programs returns the paths of all programs of a name on the PATH of an environment, the
// one that counts first.
func Programs(environ []string, name string) []string {
	suffixes := []string{""}
	if runtime.GOOS == "windows" {
		suffixes = []string{".exe", ".cmd", ".bat"}
	}
	var all []string
	for _, dir := range filepath.SplitList(Value(environ, Path)) {
		if dir == "" {
			dir = "."
		}
		for _, suffix := range suffixes {
			path := filepath.Join(dir, name+suffix)
			info, err := os.Stat(path)
			if err == nil && !info.IsDir() && (runtime.GOOS == "windows" || info.Mode()&0o111 != 0) {
				all = append(all, path)
				break
			}
		}
	}
	return all
}

// Program returns the path of the program of a name that counts; empty if there is none.
func Program(environ []string, name string) string {
	if all := Programs(environ, name); len(all) > 0 {
		return all[0]
	}
	return ""
}
