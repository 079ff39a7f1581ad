package mage_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// looks are the paths that a script met in a workspace, relative to it, by how: what strace
// saw, which knows nothing of heapmage's observing.
type looks map[string]look

type look int

const (
	seen   look = iota // its type and permissions, or its absence
	listed             // the names in a folder, too
	opened             // its content, too
)

var (
	call       = regexp.MustCompile(`^\d+ +(\w+)\((?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"(.*)`)
	secondPath = regexp.MustCompile(`^, (?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"`)
)

// traced runs a script under strace in a folder of the workspace at root.
func traced(t *testing.T, root, dir, script string, env []string) (looks, error) {
	t.Helper()
	record := filepath.Join(t.TempDir(), "calls")
	c := exec.Command("strace", "-f", "-y", "-qq", "-s", "4096", "-e", "trace=%file", "-e", "signal=none", "-o", record, "sh", "-c", script)
	c.Dir, c.Env = filepath.Join(root, dir), env
	out, err := c.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	text, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	met := looks{}
	for line := range strings.Lines(string(text)) {
		m := call.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		how := seen
		switch {
		case m[1] == "execve":
			how = opened
		case strings.HasPrefix(m[1], "open") && strings.Contains(m[4], "O_DIRECTORY"):
			how = listed
		case strings.HasPrefix(m[1], "open") && !strings.Contains(m[4], "O_WRONLY") && !strings.Contains(m[4], "O_PATH"):
			how = opened
		}
		met.add(root, c.Dir, m[2], m[3], how)
		if m := secondPath.FindStringSubmatch(m[4]); m != nil && !strings.HasPrefix(m[0], ", {") {
			met.add(root, c.Dir, m[1], m[2], seen)
		}
	}
	return met, nil
}

// add adds a path, and the folders through which it leads.
func (l looks) add(root, dir, from, path string, how look) {
	if !filepath.IsAbs(path) {
		if from == "" {
			from = dir
		}
		path = filepath.Join(from, path)
	}
	if path == root {
		l["."] = max(l["."], how)
		return
	}
	for range 20 { // as many links as may be on the way
		rel, ok := strings.CutPrefix(path, root+"/")
		if !ok {
			return
		}
		next := ""
		for at := range strings.SplitSeq(rel, "/") {
			next = filepath.Join(next, at)
			last := next == rel
			if now, known := l[next]; last && (!known || now < how) {
				l[next] = how
			} else if !known {
				l[next] = seen
			}
			if target, err := os.Readlink(filepath.Join(root, next)); err == nil {
				if !filepath.IsAbs(target) {
					target = filepath.Join(root, filepath.Dir(next), target)
				}
				path = filepath.Join(target, strings.TrimPrefix(rel, next))
				break
			}
			if last {
				return
			}
		}
	}
}

// now is the state of what was met, without what is below one of the folders in not.
func (l looks) now(root string, not ...string) string {
	var b strings.Builder
	paths := make([]string, 0, len(l))
	for path := range l {
		if !slices.ContainsFunc(not, func(dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	for _, path := range paths {
		full := filepath.Join(root, path)
		info, err := os.Lstat(full)
		if err != nil {
			fmt.Fprintf(&b, "%s absent\n", path)
			continue
		}
		fmt.Fprintf(&b, "%s %v", path, info.Mode())
		switch how := l[path]; {
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(full)
			fmt.Fprintf(&b, " to %s", target)
		case info.IsDir() && how > seen:
			entries, _ := os.ReadDir(full)
			for _, e := range entries {
				if !slices.Contains(not, filepath.Join(path, e.Name())) {
					fmt.Fprintf(&b, " %s", e.Name())
				}
			}
		case info.Mode().IsRegular() && how == opened:
			text, err := os.ReadFile(full)
			fmt.Fprintf(&b, " %x %v", sha256.Sum256(text), err)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
