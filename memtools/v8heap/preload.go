package v8heap

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

//go:embed agent.cjs
var agent []byte

// preloadOption precedes the path of the preload.
const preloadOption = "--require="

// given is what stands in the agent in the place of variables of the environment.
const given = "const given = {};"

// agentWith returns an agent that has variables although its environment may not. They are
// "NAME=value".
func agentWith(env []string) ([]byte, error) {
	vars := map[string]string{}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		vars[name] = value
	}
	object, err := json.Marshal(vars) // is JavaScript, too
	return []byte(strings.Replace(string(agent), given, "const given = "+string(object)+";", 1)), err
}

// preloadName names a preload by its content: a process that outlives its run never finds
// another version.
func preloadName(text []byte) string {
	sum := sha256.Sum256(text)
	return fmt.Sprintf("agent-%x.cjs", sum[:6])
}

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
		path, err := installIn(place, agent)
		if err == nil {
			return path, nil
		}
		if first == nil {
			first = err
		}
	}
	return "", fmt.Errorf("no folder can hold what Node preloads: %w", first)
}

// installIn keeps a preload in a folder of ours that others may enter and not change.
// Its name is known in advance, so whatever stands there is checked before it is used.
func installIn(place string, text []byte) (string, error) {
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
	path := filepath.Join(dir, preloadName(text))
	if intact(path, text) {
		now := time.Now()
		_ = os.Chtimes(path, now, now) // systems remove what was not used for weeks
		return path, nil
	}
	return path, write(dir, path, text)
}

// intact reports whether a preload stands at path as write left it.
func intact(path string, text []byte) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != 0o644 || info.Size() != int64(len(text)) || !owned(info) {
		return false
	}
	found, err := os.ReadFile(path)
	return err == nil && string(found) == string(text)
}

// write puts a preload in place at once, so that no process reads a part of it.
func write(dir, path string, text []byte) error {
	f, err := os.CreateTemp(dir, ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
