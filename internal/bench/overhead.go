package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// overhead builds the example from nothing under heapmage and under
// "npm run build --workspaces" by turns, and says how long both took and what
// heapmage itself held. It learns from the first pair, which does not count.
func overhead(ctx context.Context, pairs int) error {
	dir, err := os.MkdirTemp("", "heapmage-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	example, binary, err := installedExample(ctx, dir)
	if err != nil {
		return err
	}
	build := func(command ...string) func() (spent, error) {
		return func() (spent, error) { return timed(ctx, example, command...) }
	}
	own, err := inPairs(pairs, side{"heapmage", build(binary, "build:managed")}, side{"npm", build("npm", "run", "build", "--workspaces")})
	if err != nil {
		return err
	}
	fmt.Printf("heapmage's own usage: at most %v\n", own)
	return nil
}

// spent is what a command took: its time, the processor time of it and of all
// that it waited for, and the highest usage of its own process.
type spent struct {
	wall, cpu time.Duration
	peak      memtools.Bytes
}

// timed builds the example from nothing, but for what heapmage knows of it.
func timed(ctx context.Context, dir string, command ...string) (spent, error) {
	if err := removeOutputs(dir); err != nil {
		return spent{}, err
	}
	tracker, err := memtools.NewTracker()
	if err != nil {
		return spent{}, err
	}
	defer tracker.Close()
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Dir = dir
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	var peak memtools.Bytes
	started := func(pid int) { tracker.TrackOne("own", pid) }
	wall, failed, err := watched(c, 50*time.Millisecond, started, func() error {
		if s, err := tracker.Sample(); err == nil {
			peak = max(peak, s.Trees["own"].Usage)
		}
		return nil
	})
	if err = errors.Join(err, failed); err != nil {
		return spent{}, fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out.String())
	}
	return spent{wall, processorTime(c), peak}, nil
}

// processorTime is that of a command that has ended, and of all that it waited for.
func processorTime(c *exec.Cmd) time.Duration {
	return c.ProcessState.UserTime() + c.ProcessState.SystemTime()
}

// watched runs a command to its end and calls sample meanwhile, each time that
// every has passed; started is told its process id. failed is how the command
// itself ended; an error of sample ends it.
func watched(c *exec.Cmd, every time.Duration, started func(pid int), sample func() error) (wall time.Duration, failed, err error) {
	start := time.Now()
	if err := c.Start(); err != nil {
		return 0, nil, err
	}
	started(c.Process.Pid)
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	tick := time.NewTicker(every)
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

// removeOutputs removes what builds of the example leave behind.
func removeOutputs(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "node_modules":
			return filepath.SkipDir
		case d.IsDir() && d.Name() == "dist":
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			return filepath.SkipDir
		case strings.HasSuffix(path, ".tsbuildinfo"):
			return os.Remove(path)
		}
		return nil
	})
}

// withoutModules is a folder without its node_modules and outputs.
func withoutModules(dir string) fs.FS { return sources{os.DirFS(dir)} }

type sources struct{ fs.FS }

// ReadDir leaves out what a fresh clone does not have.
func (s sources) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(s.FS, name)
	var kept []fs.DirEntry
	for _, e := range entries {
		switch e.Name() {
		case "node_modules", "dist", ".heapmage":
		default:
			kept = append(kept, e)
		}
	}
	return kept, err
}

// installedExample copies the example to dir, installs it, and compiles its targets.
func installedExample(ctx context.Context, dir string) (example, binary string, err error) {
	example = filepath.Join(dir, "example")
	if err := os.CopyFS(example, withoutModules("examples/typescript-monorepo")); err != nil {
		return "", "", err
	}
	if out, err := exec.CommandContext(ctx, "npm", "ci", "--prefix", example).CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	if binary, err = heapmageBinary(ctx, "", dir); err != nil {
		return "", "", err
	}
	return example, binary, nil
}
