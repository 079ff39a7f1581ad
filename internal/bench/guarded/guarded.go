// Package guarded measures the guard under the task runners that teams have, inside real memory
// limits.
package guarded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/bench/cage"
	"github.com/heapmage/heapmage/internal/bench/command"
	"github.com/heapmage/heapmage/internal/bench/fixture"
	"github.com/heapmage/heapmage/internal/bench/stats"
	"github.com/heapmage/heapmage/memtools"
)

// rig is what all runs share.
type rig struct {
	Options
	managers, logs string
	limit          memtools.Bytes
	target         fixture.Target
}

// project is the workspace of a package manager.
func (r *rig) project(manager string) string {
	return filepath.Join(r.Dir, r.target.Name+"-"+manager)
}

// outcome is one run.
type outcome struct {
	cage.Counted
	wall, cpu time.Duration
	green     bool
	heapDeath bool           // V8 ran out of heap in some process
	peak      memtools.Bytes // largest usage of all processes at one moment
	left      int            // processes that the run has left
}

func (o outcome) String() string {
	end := "FAILED"
	if o.green {
		end = "green"
	}
	text := fmt.Sprintf("%s in %.1fs (%.1fs of processor time), peak %d MB, kernel kills %d", end, o.wall.Seconds(), o.cpu.Seconds(), o.peak/memtools.MB, o.Kills)
	if o.heapDeath {
		text += ", a V8 death"
	}
	if o.left > 0 {
		text += fmt.Sprintf(", %d processes left running", o.left)
	}
	return text
}

// way is one way to run a runner.
type way struct {
	runner
	n     int // its concurrency; 0: its default
	guard bool
	warm  bool // with the history of an earlier run
}

func (w way) String() string {
	text := w.name
	if w.n > 0 {
		text += fmt.Sprintf("-%d", w.n)
	}
	if w.guard {
		text += "-guarded"
	}
	if w.warm {
		text += "-warm"
	}
	return text
}

// patience bounds one run.
const patience = 5 * time.Minute

// run runs the target from nothing. Its output is kept under the label.
func (r *rig) run(ctx context.Context, w way, label string) (o outcome, err error) {
	project := r.project(w.manager)
	if err := r.clean(project, w.warm); err != nil {
		return o, err
	}
	line := w.command(r.target, w.n, r.managers)
	words := []string{"sh", "-c", line}
	if w.guard {
		words = []string{r.Binary, "memory:guard", "-command=" + line}
	}
	limited, err := cage.New(r.limit)
	if err != nil {
		return o, err
	}
	defer func() {
		left, closed := limited.Close()
		o.left, err = left, errors.Join(err, closed)
	}()
	logFile := filepath.Join(r.logs, fmt.Sprintf("%s-%v-%s.log", r.target.Name, w, label))
	output, err := os.Create(logFile)
	if err != nil {
		return o, err
	}
	defer output.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	words = limited.Command(words)
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.Dir, c.Env = project, command.Environment(r.Heap)
	if w.env != nil {
		c.Env = append(c.Env, w.env(w.n)...)
	}
	// A file, not a pipe: Wait would wait for what a dead runner left running.
	c.Stdout, c.Stderr = output, output
	wall, failed, err := command.Watch(c, 100*time.Millisecond, func(int) {}, func() error {
		processes, err := limited.Sample()
		var sum memtools.Bytes
		for _, p := range processes {
			sum += p.Private
		}
		o.peak = max(o.peak, sum)
		return err
	})
	if err != nil {
		return o, err
	}
	o.wall, o.cpu = wall, command.ProcessorTime(c)
	for range 20 { // two seconds for processes that are about to exit
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
	o.green = failed == nil && r.done(project)
	if w.guard {
		r.keep(project, logFile)
	}
	return o, ctx.Err()
}

// keep keeps the record of a guarded run beside its log.
func (r *rig) keep(project, logFile string) {
	found, _ := filepath.Glob(filepath.Join(project, ".heapmage", "runs", "*", "events.jsonl"))
	if len(found) == 0 {
		return
	}
	if text, err := os.ReadFile(slices.Max(found)); err == nil {
		_ = os.WriteFile(strings.TrimSuffix(logFile, ".log")+".jsonl", text, 0o644) // only to look at
	}
}

// clean removes what any run leaves behind, the history only if it is not to be known.
func (r *rig) clean(project string, warm bool) error {
	patterns := []string{"packages/*/dist", ".heapmage/runs", ".turbo", "packages/*/.turbo", "node_modules/.cache", ".nx", ".wireit", "packages/*/.wireit"}
	if !warm {
		patterns = append(patterns, ".heapmage")
	}
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(project, filepath.FromSlash(pattern)))
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

// done reports whether every unit's output exists, whatever the exit code was.
func (r *rig) done(project string) bool {
	return !slices.ContainsFunc(r.target.Units, func(u fixture.Unit) bool {
		_, err := fs.Stat(os.DirFS(project), "packages/"+u.Name+"/dist/index.js")
		return err != nil
	})
}

// series runs one way again and again. It ends early after a run that is not green if stop is set.
func (r *rig) series(ctx context.Context, w way, rounds int, stop bool) (all []outcome, err error) {
	for round := range rounds {
		o, err := r.run(ctx, w, fmt.Sprint(round+1))
		if err != nil {
			return all, err
		}
		fmt.Printf("%-26v %2d: %v\n", w, round+1, o)
		all = append(all, o)
		if stop && !o.green {
			break
		}
	}
	return all, nil
}

func greens(all []outcome) (walls []time.Duration) {
	for _, o := range all {
		if o.green {
			walls = append(walls, o.wall)
		}
	}
	return walls
}

// cells are how many runs were green, the kernel's kills, the median time and the peak.
func cells(all []outcome) string {
	kills, deaths, peak := 0, 0, memtools.Bytes(0)
	for _, o := range all {
		kills, peak = kills+o.Kills, max(peak, o.peak)
		if o.heapDeath {
			deaths++
		}
	}
	walls, wall := greens(all), "–"
	if len(walls) > 0 {
		wall = fmt.Sprintf("%.1f s (%.1f to %.1f)", stats.Median(walls).Seconds(), slices.Min(walls).Seconds(), slices.Max(walls).Seconds())
	}
	return fmt.Sprintf("%d of %d | %d | %d | %s | %d MB", len(walls), len(all), kills, deaths, wall, peak/memtools.MB)
}
