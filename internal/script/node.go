package script

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// Node is the Node.js that scripts run with.
type Node struct {
	// Path is the program itself, also if a shim on the PATH starts it.
	Path string
	// Version is such as "22.23.1".
	Version string
	// Major is the first number of Version.
	Major int
	// YoungGeneration is what V8 adds to the old-space limit for its young
	// generation, as this Node reports it.
	YoungGeneration memtools.Bytes
}

// probeLimit is the old-space limit, in MB, with which Node is asked for its heap
// limit.
const probeLimit = 1024

// probe prints Node's path, its version and its heap limit.
const probe = `console.log([process.execPath, process.versions.node, require("v8").getHeapStatistics().heap_size_limit].join("\n"))`

// findNode finds Node on the PATH of env and asks it for its path, version and heap
// limit, for at most 30 s. The error is a *problem.Error.
func findNode(ctx context.Context, env []string) (Node, error) {
	path, err := lookPath("node", env)
	if err != nil {
		return Node{}, &problem.Error{What: "node is not on the PATH", Hint: "install Node.js 20 or newer, or put its folder on the PATH"}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, path, fmt.Sprintf("%s=%d", oldSpace, probeLimit), "-e", probe)
	c.Env = append(environ.Without(env, environ.NodeOptions), environ.NodeNoWarnings+"=1")
	out, err := c.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != 3 {
		return Node{}, &problem.Error{Where: path, What: "this node does not run", Cause: err, Hint: "try: node --version"}
	}
	n := Node{Path: lines[0], Version: lines[1]}
	major, _, _ := strings.Cut(n.Version, ".")
	n.Major, _ = strconv.Atoi(major)
	if limit, err := strconv.ParseInt(lines[2], 10, 64); err == nil {
		n.YoungGeneration = max(0, memtools.Bytes(limit)-probeLimit*memtools.MB)
	}
	return n, nil
}

// lookPath finds a program on the PATH of env.
func lookPath(name string, env []string) (string, error) {
	for _, dir := range filepath.SplitList(environ.Value(env, environ.Path)) {
		if dir == "" {
			dir = "."
		}
		for _, suffix := range programSuffixes() {
			path := filepath.Join(dir, name+suffix)
			if info, err := os.Stat(path); err == nil && !info.IsDir() && (runtime.GOOS == "windows" || info.Mode()&0o111 != 0) {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}

func programSuffixes() []string {
	if runtime.GOOS == "windows" {
		return []string{".exe", ".cmd", ".bat"}
	}
	return []string{""}
}
