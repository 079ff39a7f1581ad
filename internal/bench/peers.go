package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// usage is the memory of one process: the largest resident set that it has had,
// and what is its own now (anonymous and shared memory).
type usage struct {
	role              role
	resident, private memtools.Bytes
}

// kept is what the kernel counted of a cgroup.
type kept struct {
	peak  memtools.Bytes // with the page cache
	kills int
}

// outcome is one run of one contender.
type outcome struct {
	kept
	green     bool
	heapDeath bool // V8 gave up in some process
	left      int  // processes that still ran a second after the runner had ended
	wall      time.Duration
	private   memtools.Bytes // largest usage of all processes at a moment
	resident  memtools.Bytes // largest resident set of one of the runner's own processes
	overhead  memtools.Bytes // largest usage of the runner's and npm's processes at a moment
}

// arena is what all runs share.
type arena struct {
	project, logs string
	heap          string // --max-old-space-size of the environment; "" leaves NODE_OPTIONS unset
	tools         []contender
	learned       []byte // history for the warm runs under the current limit
}

// peers builds a generated workspace from nothing with each runner, rounds
// times, inside of real memory limits.
func peers(ctx context.Context, rounds int, args []string) error {
	// Whoever ends the benchmark, no cgroup and no runner stays behind.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	cache := flags.String("cache", "", "`folder` to keep between runs (default heapmage-bench in the user's cache folder)")
	dir := flags.String("project", "", "`folder` for the generated workspace (default peers-SIZE in the cache folder)")
	size := flags.Float64("size", 1, "how large the packages are; at 0.5 their peaks go from 140 to just over 500 MB")
	limits := flags.String("limits", "1.3,2,0", "memory limits in multiples of the largest package's peak; 0 is none")
	names := flags.String("tools", "heapmage-cold,heapmage-warm,turbo,turbo-1,turbo-2,nx,nx-1,lage,lage-1,lage-4,wireit,wireit-1,npm",
		"what to run; a number after a runner is its concurrency")
	heap := flags.String("heap", "", "--max-old-space-size in the environment's NODE_OPTIONS, in MB (default: NODE_OPTIONS unset)")
	largest := flags.String("largest", "", "the largest package's peak, such as 900MB (default: measured)")
	binary := flags.String("binary", "", "a compiled heapmage (default: compiled from this checkout)")
	flags.IntVar(&rounds, "rounds", rounds, "how many runs of each")
	if err := flags.Parse(args); err != nil {
		return err
	}
	probe, err := newCage(memtools.GB)
	if err != nil {
		return err
	}
	if _, err := probe.close(); err != nil {
		return err
	}
	root, err := cacheFolder(*cache)
	if err != nil {
		return err
	}
	if *size <= 0 {
		return fmt.Errorf("-size: %g is not more than 0", *size)
	}
	for i := range members {
		members[i].modules = max(1, int(float64(members[i].modules)**size))
	}
	a := &arena{project: cmp.Or(*dir, filepath.Join(root, fmt.Sprintf("peers-%g", *size))), logs: filepath.Join(root, "logs"), heap: *heap}
	if a.project, err = filepath.Abs(a.project); err != nil {
		return err
	}
	if err := os.MkdirAll(a.logs, 0o755); err != nil {
		return err
	}
	if strings.Contains(*names, "heapmage") {
		if *binary, err = heapmageBinary(ctx, *binary, root); err != nil {
			return err
		}
	}
	for name := range strings.SplitSeq(*names, ",") {
		c, err := contend(name, *binary)
		if err != nil {
			return err
		}
		a.tools = append(a.tools, c)
	}
	if err := project(ctx, a.project); err != nil {
		return err
	}
	var most memtools.Bytes
	if *largest == "" {
		most, err = a.measure(ctx)
	} else {
		most, err = memtools.ParseBytes(*largest)
	}
	if err != nil {
		return err
	}
	fmt.Printf("largest package: %v; environment heap limit: %s; %d cores\n\n", most, cmp.Or(*heap, "unset"), runtime.NumCPU())
	var table strings.Builder
	table.WriteString("| limit | runner | green | kernel kills | runs with a V8 death | left running | wall s, green: median (range) | peak MB | cgroup peak MB | runner's largest RSS MB | runner and npm MB |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for text := range strings.SplitSeq(*limits, ",") {
		factor, err := strconv.ParseFloat(text, 64)
		if err != nil || factor < 0 {
			return fmt.Errorf("-limits: %q is not a multiple", text)
		}
		if err := a.limited(ctx, factor, memtools.Bytes(factor*float64(most))&^(memtools.MB-1), rounds, &table); err != nil {
			fmt.Print("\n", table.String())
			return err
		}
	}
	fmt.Print("\n", table.String())
	return nil
}

// limited runs every contender under one limit and adds their rows.
func (a *arena) limited(ctx context.Context, factor float64, limit memtools.Bytes, rounds int, table *strings.Builder) error {
	title := "none"
	if limit > 0 {
		title = fmt.Sprintf("%g × = %d MB", factor, limit/memtools.MB)
	}
	a.learned = nil
	outcomes := make([][]outcome, len(a.tools))
	for round := range rounds {
		for i := range a.tools { // each round begins with another one
			at := (i + round) % len(a.tools)
			o, err := a.run(ctx, a.tools[at], limit, fmt.Sprintf("%g-%d", factor, round+1))
			if err != nil {
				return err
			}
			fmt.Printf("limit %s, round %d, %-14s %v\n", title, round+1, a.tools[at].name+":", o)
			outcomes[at] = append(outcomes[at], o)
		}
	}
	for i, c := range a.tools {
		fmt.Fprintf(table, "| %s | %s | %s |\n", title, c.name, row(outcomes[i]))
	}
	return nil
}

// run builds from nothing with c. Its output goes to a file named by c and label.
func (a *arena) run(ctx context.Context, c contender, limit memtools.Bytes, label string) (outcome, error) {
	if c.warm && a.learned == nil {
		cold := c
		cold.warm = false
		o, err := a.run(ctx, cold, limit, label+"-learning")
		if err != nil {
			return o, err
		}
		fmt.Printf("%s learned from a run that does not count: %v\n", c.name, o)
		if a.learned, err = os.ReadFile(a.history()); err != nil {
			return o, fmt.Errorf("heapmage left no history: %w", err)
		}
	}
	if err := a.clean(); err != nil {
		return outcome{}, err
	}
	if c.warm {
		if err := os.MkdirAll(filepath.Dir(a.history()), 0o755); err != nil {
			return outcome{}, err
		}
		if err := os.WriteFile(a.history(), a.learned, 0o644); err != nil {
			return outcome{}, err
		}
	}
	cage, err := newCage(limit)
	if err != nil {
		return outcome{}, err
	}
	o, err := a.inside(ctx, cage, c, filepath.Join(a.logs, c.name+"-"+label+".log"))
	left, closed := cage.close()
	o.left = left
	return o, errors.Join(err, closed, ctx.Err())
}

// patience bounds one run; one that takes longer has failed.
const patience = 10 * time.Minute

func (a *arena) inside(ctx context.Context, cage *cage, c contender, logFile string) (o outcome, err error) {
	output, err := os.Create(logFile)
	if err != nil {
		return o, err
	}
	defer output.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	command := cage.command(c.command)
	started := exec.CommandContext(ctx, command[0], command[1:]...)
	started.Dir, started.Env = a.project, append(environment(a.heap), c.env...)
	// A file, not a pipe: Wait would wait for what a dead runner left running.
	started.Stdout, started.Stderr = output, output
	wall, failed, err := watched(started, 100*time.Millisecond, func(int) {}, func() error {
		processes, err := cage.sample(classify)
		if err == nil {
			o.add(processes, c.name == "npm")
		}
		return err
	})
	if err != nil {
		return o, err
	}
	o.wall, o.green = wall, failed == nil
	for range 10 { // a second for what is on its way out
		if processes, err := cage.sample(classify); err != nil || len(processes) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if o.kept, err = cage.result(); err != nil {
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

// add takes one sample in. Where npm is the runner, its processes are its own.
func (o *outcome) add(processes []usage, npm bool) {
	var private, overhead memtools.Bytes
	for _, p := range processes {
		private += p.private
		if p.role != work {
			overhead += p.private
		}
		if p.role == runner || npm && p.role == manager {
			o.resident = max(o.resident, p.resident)
		}
	}
	o.private, o.overhead = max(o.private, private), max(o.overhead, overhead)
}

// measure builds each package alone with tsc and returns the largest resident set.
func (a *arena) measure(ctx context.Context) (largest memtools.Bytes, err error) {
	if err := a.clean(); err != nil {
		return 0, err
	}
	var cpu time.Duration
	for _, m := range members {
		c := exec.CommandContext(ctx, filepath.Join(a.project, "node_modules", ".bin", "tsc"), "-p", "tsconfig.json")
		c.Dir, c.Env = filepath.Join(a.project, "packages", m.name), environment("")
		if out, err := c.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("tsc of %s: %w\n%s", m.name, err, out)
		}
		peak := maxResident(c.ProcessState)
		cpu += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
		largest = max(largest, peak)
		fmt.Printf("%-9s alone: %4d MB\n", m.name, peak/memtools.MB)
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

// built says whether every package's output is there, whatever a runner says.
func (a *arena) built() bool {
	return !slices.ContainsFunc(members, func(m member) bool {
		_, err := fs.Stat(os.DirFS(a.project), "packages/"+m.name+"/dist/index.js")
		return err != nil
	})
}

// String is the outcome as the line of a run.
func (o outcome) String() string {
	end := "FAILED"
	if o.green {
		end = "green"
	}
	text := fmt.Sprintf("%s in %.1fs, peak %d MB, kernel kills %d", end, o.wall.Seconds(), o.private/memtools.MB, o.kills)
	if o.heapDeath {
		text += ", a V8 death"
	}
	if o.left > 0 {
		text += fmt.Sprintf(", %d processes left running", o.left)
	}
	return text
}

// row sums the runs of one contender up as cells of the table.
func row(runs []outcome) string {
	var walls []time.Duration
	var sum, top outcome
	heapDeaths := 0
	for _, o := range runs {
		if o.green {
			walls = append(walls, o.wall)
		}
		if o.heapDeath {
			heapDeaths++
		}
		sum.kills += o.kills
		sum.left += o.left
		top.private, top.peak = max(top.private, o.private), max(top.peak, o.peak)
		top.resident, top.overhead = max(top.resident, o.resident), max(top.overhead, o.overhead)
	}
	wall := "–"
	if len(walls) > 0 {
		wall = fmt.Sprintf("%.1f (%.1f to %.1f)", median(walls).Seconds(), slices.Min(walls).Seconds(), slices.Max(walls).Seconds())
	}
	return fmt.Sprintf("%d of %d | %d | %d | %d | %s | %d | %d | %d | %d", len(walls), len(runs), sum.kills, heapDeaths, sum.left, wall,
		top.private/memtools.MB, top.peak/memtools.MB, top.resident/memtools.MB, top.overhead/memtools.MB)
}

// cacheFolder is the folder to keep between runs.
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

// heapmageBinary is given, or compiled from this checkout into dir.
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
