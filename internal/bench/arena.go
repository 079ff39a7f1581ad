package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/bench/cage"
	"github.com/heapmage/heapmage/internal/bench/command"
	"github.com/heapmage/heapmage/internal/bench/fixture"
	"github.com/heapmage/heapmage/memtools"
)

// arena is what all runs of peers share.
type arena struct {
	project, logs string
	workspace     fixture.Workspace
	heap          string // --max-old-space-size of the environment; "" leaves NODE_OPTIONS unset
	tools         []contender
	paired        bool              // neighbours among the tools are to be compared
	learned       map[string][]byte // history of the warm contenders under the current limit
}

// run builds from nothing with c. The output goes to a file named after c and label.
func (a *arena) run(ctx context.Context, c contender, limit memtools.Bytes, label string) (outcome, error) {
	if c.warm && a.learned[c.name] == nil {
		if o, err := a.learn(ctx, c, limit, label); err != nil {
			return o, err
		}
	}
	if err := a.clean(); err != nil {
		return outcome{}, err
	}
	if c.warm {
		if err := os.MkdirAll(filepath.Dir(a.history()), 0o755); err != nil {
			return outcome{}, err
		}
		if err := os.WriteFile(a.history(), a.learned[c.name], 0o644); err != nil {
			return outcome{}, err
		}
	}
	limited, err := cage.New(limit)
	if err != nil {
		return outcome{}, err
	}
	o, err := a.inside(ctx, limited, c, filepath.Join(a.logs, c.name+"-"+label+".log"))
	left, closed := limited.Close()
	o.left = left
	return o, errors.Join(err, closed, ctx.Err())
}

// learn runs a warm contender once without history, and keeps what it learned.
func (a *arena) learn(ctx context.Context, c contender, limit memtools.Bytes, label string) (o outcome, err error) {
	cold := c
	cold.warm = false
	if o, err = a.run(ctx, cold, limit, label+"-learning"); err != nil {
		return o, err
	}
	fmt.Printf("%s learned from a run that does not count: %s\n", c.name, o.line())
	if a.learned[c.name], err = os.ReadFile(a.history()); err != nil {
		return o, fmt.Errorf("heapmage left no history: %w", err)
	}
	return o, nil
}

// patience bounds one run. A run that takes longer has failed.
const patience = 10 * time.Minute

func (a *arena) inside(ctx context.Context, limited *cage.Cage, c contender, logFile string) (o outcome, err error) {
	output, err := os.Create(logFile)
	if err != nil {
		return o, err
	}
	defer output.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	words := limited.Command(c.command)
	started := exec.CommandContext(ctx, words[0], words[1:]...)
	started.Dir, started.Env = a.project, append(command.Environment(a.heap), c.env...)
	// A file, not a pipe: Wait would wait for what a dead runner left running.
	started.Stdout, started.Stderr = output, output
	wall, failed, err := command.Watch(started, 100*time.Millisecond, func(int) {}, func() error {
		processes, err := limited.Sample()
		if err == nil {
			o.add(processes, c.name == "npm")
		}
		return err
	})
	if err != nil {
		return o, err
	}
	o.wall, o.cpu, o.green = wall, command.ProcessorTime(started), failed == nil
	for range 10 { // a second for processes that are about to exit
		if processes, err := limited.Sample(); err != nil || len(processes) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if o.Counted, err = limited.Counted(); err != nil {
		return o, err
	}
	text, err := os.ReadFile(logFile)
	if err != nil {
		return o, err
	}
	o.heapDeath = bytes.Contains(text, []byte("JavaScript heap out of memory"))
	o.green = o.green && a.built()
	return o, nil
}

// measure builds each package alone with tsc and returns the largest resident set.
func (a *arena) measure(ctx context.Context) (largest memtools.Bytes, err error) {
	if err := a.clean(); err != nil {
		return 0, err
	}
	var cpu time.Duration
	for _, m := range a.workspace {
		c := exec.CommandContext(ctx, filepath.Join(a.project, "node_modules", ".bin", "tsc"), "-p", "tsconfig.json")
		c.Dir, c.Env = filepath.Join(a.project, "packages", m.Name), command.Environment("")
		if out, err := c.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("tsc of %s: %w\n%s", m.Name, err, out)
		}
		peak := cage.MaxResident(c.ProcessState)
		cpu += command.ProcessorTime(c)
		largest = max(largest, peak)
		fmt.Printf("%-9s alone: %4d MB\n", m.Name, peak/memtools.MB)
	}
	fmt.Printf("all: %.1f core-seconds, so at least %.1f s on this machine\n", cpu.Seconds(), cpu.Seconds()/float64(runtime.NumCPU()))
	return largest, nil
}

func (a *arena) history() string { return filepath.Join(a.project, ".heapmage", "history.jsonl") }

// clean removes what any contender leaves behind.
func (a *arena) clean() error {
	for _, pattern := range []string{"packages/*/dist", ".heapmage", ".turbo", "packages/*/.turbo", "node_modules/.cache",
		".nx", ".wireit", "packages/*/.wireit"} {
		found, err := filepath.Glob(filepath.Join(a.project, filepath.FromSlash(pattern)))
		if err != nil {
			return err
		}
		for _, path := range found {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// built reports whether every package's output exists, whatever the exit code was.
func (a *arena) built() bool {
	return !slices.ContainsFunc(a.workspace, func(m fixture.Member) bool {
		_, err := fs.Stat(os.DirFS(a.project), "packages/"+m.Name+"/dist/index.js")
		return err != nil
	})
}
