package main

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
	"github.com/heapmage/heapmage/memtools"
)

// spent is what a command took.
type spent struct {
	wall time.Duration
	cpu  time.Duration  // of the command, and of all that it waited for
	own  memtools.Bytes // the highest usage of the runner's own process
	// resident is its highest resident set, with the pages of files, where that is measured.
	resident memtools.Bytes
}

// processorTime returns that of a command which has ended, and of all that it
// waited for.
func processorTime(c *exec.Cmd) time.Duration {
	return c.ProcessState.UserTime() + c.ProcessState.SystemTime()
}

// watched runs a command and calls sample at intervals until it ends; started
// gets its process id first. failed is how the command itself ended. An error of
// sample kills it.
func watched(c *exec.Cmd, interval time.Duration, started func(pid int), sample func() error) (wall time.Duration, failed, err error) {
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

// environment is this process's, without the variables that change a runner's
// defaults. heap is the --max-old-space-size to set, if any.
func environment(heap string) []string {
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

// places are where a benchmark keeps what it makes, and the targets that it measures.
type places struct{ cache, binary string }

// placeFlags adds the flags of places, which are empty unless the user gives them.
func placeFlags(flags *flag.FlagSet) *places {
	p := &places{}
	flags.StringVar(&p.cache, "cache", "", "`folder` to keep between runs (default heapmage-bench in the user's cache folder)")
	flags.StringVar(&p.binary, "binary", "", "compiled targets of heapmage (default: compiled from this checkout)")
	return p
}

// find returns the folder that is kept between runs, and heapmage's targets.
func (p places) find(ctx context.Context) (root, binary string, err error) {
	if root, err = cacheFolder(p.cache); err != nil {
		return "", "", err
	}
	binary, err = heapmageBinary(ctx, p.binary, root)
	return root, binary, err
}

// cacheFolder returns the folder that is kept between runs.
func cacheFolder(given string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("name a folder with -cache: %w", err)
	}
	return filepath.Join(base, "heapmage-bench"), nil
}

// heapmageBinary returns the given targets, or compiles this checkout's into dir.
func heapmageBinary(ctx context.Context, given, dir string) (string, error) {
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
