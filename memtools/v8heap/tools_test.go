//go:build unix

package v8heap

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestRealTools runs the tools of a front-end build plainly and with the agent:
// they must say, write and return the same.
func TestRealTools(t *testing.T) {
	if testing.Short() {
		t.Skip("installs and runs real tools; left out with -short")
	}
	node := nodes(t)["22"]
	project := tools(t)
	for name, args := range map[string][]string{
		"eslint":  {"node_modules/eslint/bin/eslint.js", "--no-color", "src"},
		"vitest":  {"node_modules/vitest/vitest.mjs", "run", "--no-color", "--reporter=tap-flat"},
		"esbuild": {"esbuild.mjs"}, // its command is a Go program,
		"vite":    {"node_modules/vite/bin/vite.js", "build", "--logLevel=warn"},
		"webpack": {"node_modules/webpack-cli/bin/cli.js", "--mode", "production", "--entry", "./src/index.js", "--output-path", "dist/webpack", "--stats", "errors-only"},
	} {
		t.Run(name, func(t *testing.T) {
			plain := useTool(t, nil, node, project, args)
			s := listen(t)
			seen := watch(t, s)
			with := useTool(t, s, node, project, args)
			if plain != with {
				t.Errorf("plain:\n%v\nwith the agent:\n%v", plain, with)
			}
			if scripts := seen(); !strings.Contains(scripts, filepath.Base(args[0])) {
				t.Errorf("the agent reported %q, not %s", scripts, args[0])
			}
			if plain.exit != 0 && name != "eslint" || name == "eslint" && !strings.Contains(plain.said, "no-var") {
				t.Errorf("the tool itself did not work: %v", plain)
			}
		})
	}
}

// used is what a tool did.
type used struct {
	exit  int
	said  string
	wrote string
}

func (u used) String() string {
	return fmt.Sprintf("exit code %d\n%s\nfiles:\n%s", u.exit, u.said, u.wrote)
}

// times are what differs between two runs of a tool.
var times = regexp.MustCompile(`time=[\d.]+m?s|in \d+m?s|\d+ ms`)

func useTool(t *testing.T, s *Server, node, project string, args []string) (u used) {
	t.Helper()
	dist := filepath.Join(project, "dist")
	if err := os.RemoveAll(dist); err != nil {
		t.Fatal(err)
	}
	c := command(s, node, args...)
	c.Dir = project
	out, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	u.exit, u.said = c.ProcessState.ExitCode(), times.ReplaceAllString(string(out), "TIME")
	err = filepath.WalkDir(dist, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && d.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		u.wrote += fmt.Sprintf("%x %s\n", sha256.Sum256(text), strings.TrimPrefix(path, dist))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// watch collects the scripts of all processes that the server sees until the
// returned function is called.
func watch(t *testing.T, s *Server) (scripts func() string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	seen := map[string]bool{}
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			for _, p := range s.Processes() {
				seen[p.Script] = true
			}
			time.Sleep(time.Millisecond)
		}
	})
	return func() string {
		stop()
		watching.Wait()
		all := ""
		for script := range seen {
			all += script + " "
		}
		return all
	}
}

// tools installs testdata/tools once into the user's cache and returns where.
func tools(t *testing.T) string {
	t.Helper()
	lock, err := os.ReadFile("testdata/tools/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	installed := filepath.Join(cache, "heapmage-test", fmt.Sprintf("tools-%x", sha256.Sum256(lock))[:20])
	if _, err := os.Stat(filepath.Join(installed, "node_modules", ".package-lock.json")); err != nil {
		if err := os.RemoveAll(installed); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(installed, os.DirFS("testdata/tools")); err != nil {
			t.Fatal(err)
		}
		c := exec.Command("npm", "ci")
		c.Dir = installed
		if out, err := c.CombinedOutput(); err != nil {
			unlessCI(t, fmt.Sprintf("the tools cannot be installed: %v\n%s", err, out))
		}
	}
	// A copy of the sources, with the modules of the cache: tests run side by side.
	project := t.TempDir()
	if err := os.CopyFS(project, os.DirFS("testdata/tools")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(installed, "node_modules"), filepath.Join(project, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return project
}
