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

// TestRealTools runs the tools of a front-end build plainly and with the agent,
// which has each of their processes collect its garbage: they must say, write and
// return the same.
func TestRealTools(t *testing.T) {
	if testing.Short() {
		t.Skip("installs and runs real tools; left out with -short")
	}
	node := nodes(t)["22"]
	project := tools(t)
	vitest := []string{"node_modules/vitest/vitest.mjs", "run", "--no-color", "--reporter=tap-flat"}
	for name, tool := range map[string]struct {
		args []string
		exit int
		says string // part of its output
		dist string // a file that it writes
	}{
		"eslint":            {[]string{"node_modules/eslint/bin/eslint.js", "--no-color", "src"}, 1, "no-var", ""},
		"vitest":            {append(vitest, "shapes"), 0, "ok 2", ""},
		"vitest in threads": {append(vitest, "--pool=threads", "shapes"), 0, "ok 2", ""},
		"vitest that fails": {append(vitest, "wrong"), 1, "expected 12 to be 13", ""},
		"esbuild":           {[]string{"esbuild.mjs"}, 0, "bundled", "/esbuild.js.map"}, // its command is a Go program
		"vite":              {[]string{"node_modules/vite/bin/vite.js", "build"}, 0, "built in TIME", "/vite/index.html"},
		"webpack":           {[]string{"node_modules/webpack-cli/bin/cli.js"}, 0, "compiled successfully in TIME", "/webpack/main.js"},
	} {
		t.Run(name, func(t *testing.T) {
			plain := useTool(t, nil, node, project, tool.args)
			with := useTool(t, listen(t), node, project, tool.args)
			if plain != with {
				t.Errorf("plain:\n%v\nwith the agent:\n%v", plain, with)
			}
			if plain.exit != tool.exit || !strings.Contains(plain.out+plain.err, tool.says) || !strings.Contains(plain.wrote, tool.dist) {
				t.Errorf("the tool itself did not work: %v", plain)
			}
		})
	}
}

// used is what a tool did.
type used struct {
	exit     int
	out, err string
	wrote    string
}

func (u used) String() string {
	return fmt.Sprintf("exit code %d\noutput:\n%serrors:\n%sfiles:\n%s", u.exit, u.out, u.err, u.wrote)
}

// times are what differs between two runs of a tool.
var times = regexp.MustCompile(`\b\d+(\.\d+)? ?m?s\b`)

// useTool runs a tool. If s is not nil the agent of the tool's process must be seen and
// must be able to collect.
func useTool(t *testing.T, s *Server, node, project string, args []string) (u used) {
	t.Helper()
	dist := filepath.Join(project, "dist")
	if err := os.RemoveAll(dist); err != nil {
		t.Fatal(err)
	}
	c := command(s, node, args...)
	c.Dir = project
	// The tool waits for this file while it reads its configuration (held.mjs).
	release := filepath.Join(t.TempDir(), "go on")
	c.Env = append(c.Env, "TOOLS_HELD_UNTIL="+release)
	goOn := func() {
		if err := os.WriteFile(release, nil, 0o600); err != nil {
			t.Error(err)
		}
	}
	var out, stderr strings.Builder
	c.Stdout, c.Stderr = &out, &stderr
	if s == nil {
		goOn()
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	if s != nil {
		watching.Go(func() { collectEach(ctx, t, s, c.Process.Pid, goOn) })
	}
	err := c.Wait()
	stop()
	watching.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	u.exit = c.ProcessState.ExitCode()
	u.out, u.err = times.ReplaceAllString(out.String(), "TIME"), times.ReplaceAllString(stderr.String(), "TIME")
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

// collectEach has every process that s sees collect once, until ctx is done. Of
// the process pid that must succeed; then it calls collected.
func collectEach(ctx context.Context, t *testing.T, s *Server, pid int, collected func()) {
	asked := map[int]bool{}
	for ctx.Err() == nil {
		for _, p := range s.Processes() {
			if asked[p.PID] {
				continue
			}
			asked[p.PID] = true
			_, err := s.Collect(ctx, p.PID)
			if p.PID != pid {
				continue // one that the tool started: it may end at any moment
			}
			if err != nil {
				t.Errorf("%s: %v", p.Script, err)
			}
			collected()
		}
		time.Sleep(time.Millisecond)
	}
	if !asked[pid] {
		t.Error("the tool's process has not been seen")
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
