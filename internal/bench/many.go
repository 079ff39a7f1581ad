package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/bench/command"
	"github.com/heapmage/heapmage/internal/bench/fixture"
	"github.com/heapmage/heapmage/internal/bench/stats"
	"github.com/heapmage/heapmage/memtools"
)

// many builds workspaces of very many packages whose scripts do nothing: the time
// is what a runner itself costs for each package.
func many(ctx context.Context, rounds int, against string, args []string) error {
	flags := flag.NewFlagSet("many", flag.ContinueOnError)
	where := command.PlaceFlags(flags)
	sizes := "heapmage:5000,turbo:500,nx:500,npm:100"
	if against != "" {
		sizes = "heapmage:5000"
	}
	flags.StringVar(&sizes, "sizes", sizes, "runners, and how many packages each builds")
	flags.IntVar(&rounds, "rounds", rounds, "how many runs of each")
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, binary, err := where.Find(ctx)
	if err != nil {
		return err
	}
	defer removeMoved(root)
	var table strings.Builder
	table.WriteString("| runner | packages | median s | ms a package | runner's largest process MB |\n|---|---|---|---|---|\n")
	for entry := range strings.SplitSeq(sizes, ",") {
		name, size, _ := strings.Cut(entry, ":")
		count, err := strconv.Atoi(size)
		if err != nil || count < 1 {
			return fmt.Errorf("-sizes: %q is not a runner and a number, such as turbo:500", entry)
		}
		if name == "heapmage" {
			name = "heapmage-cold"
		}
		c, err := contend(name, binary, against)
		if err != nil {
			return err
		}
		dir := filepath.Join(root, fmt.Sprintf("many-%d", count))
		if err := fixture.GenerateEmpty(ctx, dir, count); err != nil {
			return err
		}
		if against != "" {
			if err := manyAgainst(ctx, rounds, dir, c, against); err != nil {
				return err
			}
			continue
		}
		row, err := manyRow(ctx, rounds, dir, c, count)
		if err != nil {
			return err
		}
		table.WriteString(row)
	}
	if against == "" {
		fmt.Print("\n", table.String())
	}
	return nil
}

// manyRow measures one runner by itself.
func manyRow(ctx context.Context, rounds int, dir string, c contender, count int) (string, error) {
	var walls []time.Duration
	var own memtools.Bytes
	for round := range rounds {
		s, err := emptyRun(ctx, dir, c)
		if err != nil {
			return "", err
		}
		fmt.Printf("%s, %d packages, round %d: %.1fs, own usage %v\n", c.name, count, round+1, s.wall.Seconds(), s.own)
		walls, own = append(walls, s.wall), max(own, s.own)
	}
	m := stats.Median(walls)
	return fmt.Sprintf("| %s | %d | %.1f | %.1f | %.1f |\n", c.name, count, m.Seconds(),
		float64(m.Microseconds())/1000/float64(count), float64(own)/float64(memtools.MB)), nil
}

// manyAgainst measures heapmage beside another version of it.
func manyAgainst(ctx context.Context, pairs int, dir string, c contender, against string) error {
	if c.name != "heapmage-cold" {
		return fmt.Errorf("-sizes: with -against only heapmage is measured, not %s", c.name)
	}
	other, err := contend("against-cold", "", against)
	if err != nil {
		return err
	}
	build := func(c contender) func() (spent, error) {
		return func() (spent, error) { return emptyRun(ctx, dir, c) }
	}
	own, err := inPairs(pairs, side{"heapmage", build(c)}, side{"against", build(other)})
	if err == nil {
		fmt.Printf("heapmage's own usage: at most %v\n", own)
	}
	return err
}

// emptyRun runs the build scripts in dir once. own in its result is the highest
// usage of one of c's own processes: not of npm, nor of a script.
func emptyRun(ctx context.Context, dir string, c contender) (s spent, err error) {
	if err := moveAway(dir, ".heapmage", ".turbo", ".nx"); err != nil {
		return s, err
	}
	tracker, err := memtools.NewTracker()
	if err != nil {
		return s, err
	}
	defer tracker.Close()
	output, err := os.CreateTemp("", "heapmage-bench-*.log")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, output.Close(), os.Remove(output.Name())) }()
	started := exec.CommandContext(ctx, c.command[0], c.command[1:]...)
	started.Dir, started.Env = dir, append(command.Environment(""), c.env...)
	started.Stdout, started.Stderr = output, output
	track := func(pid int) { tracker.Track("all", pid) }
	wall, failed, err := command.Watch(started, 200*time.Millisecond, track, func() error {
		sample, err := tracker.Sample()
		if err == nil {
			s.own = max(s.own, ownUsage(sample.Trees["all"].Processes, c.name == "npm"))
		}
		return err
	})
	if err != nil {
		return s, err
	}
	s.wall, s.cpu = wall, command.ProcessorTime(started)
	if failed != nil {
		text, _ := os.ReadFile(output.Name()) // at worst the error comes without it
		return s, fmt.Errorf("%s: %w\n%s", strings.Join(c.command, " "), failed, text[max(0, len(text)-2000):])
	}
	return s, nil
}

// ownUsage returns the usage of the largest process that is neither npm nor a
// script's shell. If npm is the runner, its processes count. It is no sum: between
// fork and exec a process shows its parent's memory.
func ownUsage(processes []memtools.Process, npm bool) (own memtools.Bytes) {
	for _, p := range processes {
		words := strings.Fields(cmp.Or(p.Command, "?"))
		shell := filepath.Base(words[0]) == "sh"
		if role := classify(words); !shell && (role == runner || npm && role == manager) {
			own = max(own, p.Usage)
		}
	}
	return own
}
