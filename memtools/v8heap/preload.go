package v8heap

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"
)

//go:embed agent.cjs
var agent []byte

// preloadOption precedes the path of the preload.
const preloadOption = "--require="

// preloadName names the preload by its content: a process that outlives its run never
// finds another version.
var preloadName = sync.OnceValue(func() string {
	sum := sha256.Sum256(agent)
	return fmt.Sprintf("agent-%x.cjs", sum[:6])
})

var isPreload = regexp.MustCompile(`^--require=.*[/\\]\.heapmage-\d+[/\\]agent-[0-9a-f]{12}\.cjs$`)

// IsPreload reports whether an option of Node is one that Options of any version returned.
// A nested run finds it in NODE_OPTIONS.
func IsPreload(option string) bool { return isPreload.MatchString(option) }

// unreadable finds the preload in an error of Node.
var unreadable = regexp.MustCompile(`(Cannot find module|resource:|permission denied, \w+)[^'/]*'[^']*/\.heapmage-\d+/agent-[0-9a-f]{12}\.cjs'`)

// Unreadable reports whether the output of Node processes shows that one of them ended
// because it could not read the preload.
func Unreadable(output io.Reader) bool {
	lines := bufio.NewReader(output)
	for {
		line, _, err := lines.ReadLine() // a very long one comes in parts
		if unreadable.Match(line) {
			return true
		}
		if err != nil {
			return false
		}
	}
}

// places are the folders that may hold the preload, the best first. It must outlive the
// run, stand where other users can read it, and depend on no folder of the run: Node ends
// if a preload is missing. So the folder for temporary files, which scripts empty and
// TMPDIR moves, comes late.
func places() []string {
	list := []string{"/var/tmp", "/tmp"}
	if dir, err := filepath.Abs(os.TempDir()); err == nil {
		list = append(list, dir)
	}
	if dir, err := os.UserCacheDir(); err == nil {
		list = append(list, dir)
	}
	return list
}

// install sees to it that the preload stands in one of the folders, and returns its path.
func install(places []string) (string, error) {
	var first error
	for _, place := range places {
		path, err := installIn(place)
		if err == nil {
			return path, nil
		}
		if first == nil {
			first = err
		}
	}
	return "", fmt.Errorf("no folder can hold what Node preloads: %w", first)
}

// installIn keeps the preload in a folder of ours that others may enter and not change.
// Its name is known in advance, so whatever stands there is checked before it is used.
func installIn(place string) (string, error) {
	info, err := os.Stat(place)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return "", fmt.Errorf("%s: others could replace what is in it", place)
	}
	dir := filepath.Join(place, ".heapmage-"+strconv.Itoa(os.Geteuid())) // "rm -rf $TMPDIR/*" leaves it
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	info, err = os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if !info.IsDir() || !owned(info) {
		return "", fmt.Errorf("%s: it is not a folder of this user", dir)
	}
	if info.Mode().Perm() != 0o755 {
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // other users read the preload
			return "", err
		}
	}
	path := filepath.Join(dir, preloadName())
	if intact(path) {
		now := time.Now()
		_ = os.Chtimes(path, now, now) // systems remove what was not used for weeks
		return path, nil
	}
	return path, write(dir, path)
}

// intact reports whether the preload stands at path as write left it.
func intact(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != 0o644 || info.Size() != int64(len(agent)) || !owned(info) {
		return false
	}
	text, err := os.ReadFile(path)
	return err == nil && string(text) == string(agent)
}

// write puts the preload in place at once, so that no process reads a part of it.
func write(dir, path string) error {
	f, err := os.CreateTemp(dir, ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(agent)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
