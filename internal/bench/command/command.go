// Package command runs the commands that the benchmarks measure, heapmage's compiled targets
// among them.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
)

// ProcessorTime returns that of a command which has ended, and of all that it
// waited for.
func ProcessorTime(c *exec.Cmd) time.Duration {
	return c.ProcessState.UserTime() + c.ProcessState.SystemTime()
}

// Watch runs a command and calls sample at intervals until it ends; started
// gets its process id first. failed is how the command itself ended. An error of
// sample kills it.
func Watch(c *exec.Cmd, interval time.Duration, started func(pid int), sample func() error) (wall time.Duration, failed, err error) {
	start := time.Now()
	if err := c.Start(); err != nil {
		return 0, nil, err
	}
	started(c.Process.Pid)
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case failed := <-ended:
			return time.Since(start), failed, nil
		case <-tick.C:
			if err := sample(); err != nil {
				return 0, nil, errors.Join(err, c.Process.Kill(), <-ended)
			}
		}
	}
}

// Environment is this process's, without the variables that change a runner's
// defaults. heap is the --max-old-space-size to set, if any.
func Environment(heap string) []string {
	prefixes := []string{environ.Prefix, "TURBO_", "NX_", "LAGE_", "WIREIT_", "GITHUB_", "npm_"}
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return name == "CI" || name == environ.NodeOptions ||
			slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	})
	env = append(env, "DO_NOT_TRACK=1")
	if heap != "" {
		env = append(env, environ.NodeOptions+"=--max-old-space-size="+heap)
	}
	return env
}

// Places are where a benchmark keeps what it makes, and the targets that it measures.
type Places struct{ Cache, Binary string }

// PlaceFlags adds the flags of Places, which are empty unless the user gives them.
func PlaceFlags(flags *flag.FlagSet) *Places {
	p := &Places{}
	flags.StringVar(&p.Cache, "cache", "", "`folder` to keep between runs (default heapmage-bench in the user's cache folder)")
	flags.StringVar(&p.Binary, "binary", "", "compiled targets of heapmage (default: compiled from this checkout)")
	return p
}

// Find returns the folder that is kept between runs, and heapmage's targets.
func (p Places) Find(ctx context.Context) (root, binary string, err error) {
	if root, err = CacheFolder(p.Cache); err != nil {
		return "", "", err
	}
	binary, err = Binary(ctx, p.Binary, root)
	return root, binary, err
}

// CacheFolder returns the folder that is kept between runs.
func CacheFolder(given string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("name a folder with -cache: %w", err)
	}
	return filepath.Join(base, "heapmage-bench"), nil
}

// Binary returns the given targets, or compiles this checkout's into dir.
func Binary(ctx context.Context, given, dir string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	binary := filepath.Join(dir, "heapmage")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, "go", "tool", "mage", "-compile", binary).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go tool mage -compile: %w\n%s", err, out)
	}
	return binary, nil
}
