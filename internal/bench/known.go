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
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/bench/cage"
	"github.com/heapmage/heapmage/internal/bench/command"
	"github.com/heapmage/heapmage/internal/bench/fixture"
	"github.com/heapmage/heapmage/internal/bench/stats"
)

// keeper is a runner that keeps results, in its own copy of a workspace.
type keeper struct {
	contender
	fixture.Known
	dir string
}

// moment is what is done to a built workspace before it is built again.
type moment struct {
	name   string
	before func(keeper) error
	// most is the share of the fastest other runner's time that heapmage may take; 0 sets
	// no limit.
	most float64
}

var moments = []moment{
	{"nothing to do", func(keeper) error { return nil }, 0.5},
	{"restore", keeper.removeOutputs, 0.75},
	{"leaf edit", keeper.edit, 0},
}

// known measures what runners take whose results are known, by turns: with nothing to do,
// with all outputs gone, and with one source changed of a package on which none depends.
func known(ctx context.Context, rounds int, against string, args []string) error {
	flags := flag.NewFlagSet("known", flag.ContinueOnError)
	where := command.PlaceFlags(flags)
	sizes := flags.String("sizes", "12,100,1000", "how many packages; up to 12 are built by tsc")
	tools := "heapmage,turbo,nx,vite-plus,wireit"
	if against != "" {
		tools = "heapmage,against"
	}
	flags.StringVar(&tools, "tools", tools, "runners; the first one is compared with each other one")
	flags.IntVar(&rounds, "rounds", rounds, "how many runs of each")
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, binary, err := where.Find(ctx)
	if err != nil {
		return err
	}
	defer removeMoved(root)
	for size := range strings.SplitSeq(*sizes, ",") {
		count, err := strconv.Atoi(size)
		if err != nil || count < 1 {
			return fmt.Errorf("-sizes: %q is not a number of packages", size)
		}
		var all []keeper
		for tool := range strings.SplitSeq(tools, ",") {
			k, err := keeps(ctx, root, tool, count, map[string]string{"heapmage": binary, "against": against}[tool])
			if err != nil {
				return err
			}
			all = append(all, k)
		}
		for _, m := range moments {
			if err := knownMoment(ctx, rounds, all, m, count); err != nil {
				return err
			}
		}
	}
	return nil
}

// keeps makes a runner's copy of the workspace, and builds it. binary is heapmage's.
func keeps(ctx context.Context, root, tool string, count int, binary string) (k keeper, err error) {
	k.name, k.dir = tool, filepath.Join(root, fmt.Sprintf("known-%d-%s", count, tool))
	bin := filepath.Join("node_modules", ".bin")
	runner := tool
	switch {
	case binary != "":
		k.command, runner = []string{binary, "build"}, ""
	case tool == "turbo":
		k.command = []string{filepath.Join(bin, "turbo"), "run", "build"}
		k.env = []string{"TURBO_TELEMETRY_DISABLED=1"}
	case tool == "nx":
		k.command = []string{filepath.Join(bin, "nx"), "run-many", "--target=build"}
		k.env = []string{"NX_NO_CLOUD=true"}
	case tool == "vite-plus":
		k.command = []string{filepath.Join(bin, "vp"), "run", "-r", "--cache", "build"}
	case tool == "wireit":
		k.command = []string{"npm", "run", "build"}
	default:
		return k, fmt.Errorf("-tools: unknown runner %q", tool)
	}
	if k.Known, err = fixture.GenerateKnown(ctx, k.dir, runner, count); err != nil {
		return k, err
	}
	for range 2 { // what it wrote may be an input of its next run
		if _, err = k.run(ctx); err != nil {
			return k, err
		}
	}
	return k, nil
}

// knownMoment measures the runners in rounds, in an order that changes.
func knownMoment(ctx context.Context, rounds int, all []keeper, m moment, count int) error {
	took, worked, own := make([][]time.Duration, len(all)), make([][]time.Duration, len(all)), make([]spent, len(all))
	for round := range rounds + 1 { // the first one warms up
		for turn := range all {
			at := (turn + round) % len(all)
			if err := m.before(all[at]); err != nil {
				return err
			}
			s, err := all[at].run(ctx)
			if err != nil {
				return err
			}
			if round > 0 {
				took[at], worked[at] = append(took[at], s.wall), append(worked[at], s.cpu)
				own[at].own, own[at].resident = max(own[at].own, s.own), max(own[at].resident, s.resident)
			}
		}
	}
	fmt.Printf("\n%d packages, %s, %d rounds\n\n| runner | median ms | processor ms | own usage | resident | heapmage's share of its time |\n|---|---|---|---|---|---|\n", count, m.name, rounds)
	fastest := time.Duration(0)
	for at, k := range all {
		share := ""
		if at > 0 {
			share = stats.Student(took[0], took[at]).String()
			fastest = cmp.Or(min(cmp.Or(fastest, stats.Median(took[at])), stats.Median(took[at])), fastest)
		}
		fmt.Printf("| %s | %d | %d | %v | %v | %s |\n", k.name, stats.Median(took[at]).Milliseconds(), stats.Median(worked[at]).Milliseconds(), own[at].own, own[at].resident, share)
	}
	if m.most > 0 && fastest > 0 {
		fmt.Printf("\nof the fastest: %.2f; the aim is at most %.2f\n", float64(stats.Median(took[0]))/float64(fastest), m.most)
	}
	return nil
}

// run builds what is not known.
func (k keeper) run(ctx context.Context) (s spent, err error) {
	output, err := os.CreateTemp("", "heapmage-bench-*.log")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, output.Close(), os.Remove(output.Name())) }()
	c := exec.CommandContext(ctx, k.command[0], k.command[1:]...)
	c.Dir, c.Env = k.dir, append(command.Environment(""), k.env...)
	c.Stdout, c.Stderr = output, output
	// One small file is read at each sample: what it shows only grows.
	wall, failed, err := command.Watch(c, 5*time.Millisecond, func(int) {}, func() error {
		usage, resident := cage.OwnMemory(c.Process.Pid)
		s.own, s.resident = max(s.own, usage), max(s.resident, resident)
		return nil
	})
	if s.wall = wall; err == nil {
		s.cpu = command.ProcessorTime(c)
	}
	if err == nil && failed != nil {
		text, _ := os.ReadFile(output.Name()) // at worst the error comes without it
		err = fmt.Errorf("%s: %w\n%s", strings.Join(k.command, " "), failed, text[max(0, len(text)-2000):])
	}
	return s, err
}

// removeOutputs takes away what the packages' scripts left.
func (k keeper) removeOutputs() error {
	var outputs []string
	for _, folder := range k.Folders {
		outputs = append(outputs, filepath.Join(folder, "dist"))
	}
	return moveAway(k.dir, outputs...)
}

// edit changes a source that only one package reads. All edits are different ones.
func (k keeper) edit() error {
	path := filepath.Join(k.dir, filepath.FromSlash(k.Leaf))
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := slices.Collect(strings.Lines(string(text)))
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "// edited") })
	lines = append(lines, fmt.Sprintf("// edited %d\n", time.Now().UnixNano()))
	return os.WriteFile(path, []byte(strings.Join(lines, "")), 0o644)
}
