package guarded

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/bench/cage"
	"github.com/heapmage/heapmage/internal/bench/command"
	"github.com/heapmage/heapmage/internal/bench/fixture"
	"github.com/heapmage/heapmage/internal/bench/stats"
	"github.com/heapmage/heapmage/memtools"
)

// Options are what Run is told.
type Options struct {
	Dir, Binary string // the folder for workspaces and logs; heapmage's compiled targets
	Heap        string
	tools       string
	factor      float64
	// How many runs there are of each way.
	rounds, cold, alone, hand int
	lint                      bool
}

// Parse reads the arguments into options. The flags hold those of the caller already.
func Parse(flags *flag.FlagSet, rounds int, args []string) (o Options, err error) {
	flags.StringVar(&o.Heap, "heap", "4096", "--max-old-space-size in the environment's NODE_OPTIONS, in MB; empty leaves NODE_OPTIONS unset")
	flags.StringVar(&o.tools, "tools", "", "runners (default all)")
	flags.Float64Var(&o.factor, "limit", 2, "memory limit in multiples of the largest package's peak; 0 is none")
	flags.IntVar(&o.rounds, "rounds", rounds, "how many guarded runs of each, with a history")
	flags.IntVar(&o.cold, "cold", rounds, "how many guarded runs of each, without a history; there is one at least")
	flags.IntVar(&o.alone, "alone", 1, "how many runs of each alone at its default concurrency")
	flags.IntVar(&o.hand, "hand", 3, "how many runs a concurrency set by hand must survive; 0 tries none")
	flags.BoolVar(&o.lint, "lint", false, "22 lint scripts under turbo --concurrency=4, seven of them six times as large as the rest, and heapmage's own lint with what the guard has learned")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.factor < 0 || o.rounds < 0 {
		return o, errors.New("-limit and -rounds must not be negative")
	}
	return o, nil
}

// Run runs the builds under each runner inside the limit: alone, with a concurrency set by hand,
// and guarded.
func Run(ctx context.Context, o Options) error {
	if o.lint {
		return lint(ctx, o)
	}
	r, err := open(ctx, o, fixture.Builds())
	if err != nil {
		return err
	}
	var table strings.Builder
	table.WriteString(header)
	defer func() { fmt.Print("\n", table.String()) }()
	for _, one := range runners() {
		if o.tools != "" && !slices.Contains(strings.Split(o.tools, ","), one.name) {
			continue
		}
		if err := r.target.Generate(ctx, r.project(one.manager), r.managers, one.manager); err != nil {
			return err
		}
		row := func(what string, all []outcome) {
			fmt.Fprintf(&table, "| %s | %s | %s |\n", one.name, what, cells(all))
		}
		alone, err := r.series(ctx, way{runner: one}, o.alone, false)
		if err != nil {
			return err
		}
		row("alone", alone)
		if err := r.byHand(ctx, one, row); err != nil {
			return err
		}
		for _, warm := range []bool{false, true} {
			rounds := o.rounds
			if !warm {
				rounds = max(1, o.cold) // the warm ones know it
			}
			all, err := r.series(ctx, way{runner: one, guard: true, warm: warm}, rounds, false)
			if err != nil {
				return err
			}
			row(map[bool]string{false: "guarded, nothing known", true: "guarded"}[warm], all)
		}
	}
	return nil
}

const header = "| runner | | green | kernel kills | runs with a V8 death | wall time, median (range) | peak |\n|---|---|---|---|---|---|---|\n"

// lint runs the lint scripts under Turborepo with four at once, alone and guarded, and then with
// heapmage, which knows what the guard has learned.
func lint(ctx context.Context, o Options) error {
	r, err := open(ctx, o, fixture.Lints())
	if err != nil {
		return err
	}
	turbo := runners()[0]
	alone, err := r.series(ctx, way{runner: turbo, n: 4}, o.alone, false)
	if err != nil {
		return err
	}
	var all [3][]outcome
	for round := range o.rounds {
		for i, w := range []way{
			{runner: turbo, n: 4, guard: true},
			{runner: turbo, n: 4, guard: true, warm: true},
			{runner: runner{name: "heapmage", manager: "npm", command: func(t fixture.Target, _ int, _ string) string { return o.Binary + " " + t.Name }}, warm: true},
		} {
			out, err := r.run(ctx, w, fmt.Sprint(round+1))
			if err != nil {
				return err
			}
			fmt.Printf("%-26v %2d: %v\n", w, round+1, out)
			all[i] = append(all[i], out)
		}
	}
	fmt.Printf("\n%s| turbo --concurrency=4 | alone | %s |\n", header, cells(alone))
	for i, what := range []string{"turbo --concurrency=4 | guarded, nothing known", "turbo --concurrency=4 | guarded", "heapmage lint | with what the guard has learned"} {
		fmt.Printf("| %s | %s |\n", what, cells(all[i]))
	}
	return nil
}

// open installs and measures what the runs need.
func open(ctx context.Context, o Options, target fixture.Target) (*rig, error) {
	r := &rig{Options: o, managers: filepath.Join(o.Dir, "managers"), logs: filepath.Join(o.Dir, "logs"), target: target}
	if err := os.MkdirAll(r.logs, 0o755); err != nil {
		return nil, err
	}
	if err := fixture.GenerateManagers(ctx, r.managers); err != nil {
		return nil, err
	}
	if err := target.Generate(ctx, r.project("npm"), r.managers, "npm"); err != nil {
		return nil, err
	}
	largest, err := r.largest(ctx)
	if err != nil {
		return nil, err
	}
	r.limit = memtools.Bytes(o.factor*float64(largest)) &^ (memtools.MB - 1)
	fmt.Printf("largest package: %v; limit: %v; heap limit of the environment: %s MB\n\n", largest, r.limit, o.Heap)
	return r, nil
}

// largest is the resident set of the largest unit.
func (r *rig) largest(ctx context.Context) (memtools.Bytes, error) {
	u := slices.MaxFunc(r.target.Units, func(a, b fixture.Unit) int { return a.Megabytes - b.Megabytes })
	c := exec.CommandContext(ctx, "sh", "-c", u.Command)
	c.Dir, c.Env = filepath.Join(r.project("npm"), "packages", u.Name), command.Environment(r.Heap)
	if out, err := c.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s of %s: %w\n%s", r.target.Name, u.Name, err, out)
	}
	return cage.MaxResident(c.ProcessState), nil
}

// byHand looks for the concurrency that is fastest and survives.
func (r *rig) byHand(ctx context.Context, one runner, row func(string, []outcome)) error {
	var best []outcome
	fastest, at := math.Inf(1), 0
	for n := 1; n <= len(r.target.Units) && r.hand > 0; n++ {
		all, err := r.series(ctx, way{runner: one, n: n}, r.hand, true)
		if err != nil {
			return err
		}
		walls := greens(all)
		if len(walls) < r.hand {
			break
		}
		if m := stats.Median(walls).Seconds(); m < fastest {
			best, fastest, at = all, m, n
		}
	}
	if best != nil {
		row(fmt.Sprintf("by hand: %d at once", at), best)
	}
	return nil
}
