package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/bench/cage"
	"github.com/heapmage/heapmage/internal/bench/command"
	"github.com/heapmage/heapmage/internal/bench/fixture"
	"github.com/heapmage/heapmage/memtools"
)

const (
	peerTools    = "heapmage-cold,heapmage-warm,turbo,turbo-1,turbo-2,nx,nx-1,lage,lage-1,lage-4,wireit,wireit-1,npm"
	againstTools = "heapmage-cold,against-cold,heapmage-warm,against-warm"

	peerHeader = "| limit | runner | green | kernel kills | runs with a V8 death | left running | wall s, green: median (range) | peak MB | cgroup peak MB | runner's largest RSS MB | runner and npm MB |\n|---|---|---|---|---|---|---|---|---|---|---|\n"
)

// peers builds a generated workspace from nothing with each runner, in rounds,
// inside real memory limits.
func peers(ctx context.Context, rounds int, against string, args []string) error {
	tools := peerTools
	if against != "" {
		tools = againstTools
	}
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	where := command.PlaceFlags(flags)
	dir := flags.String("project", "", "`folder` for the generated workspace (default peers-SIZE in the cache folder)")
	size := flags.Float64("size", 1, "scale of the packages; at 0.5 their peaks go from 140 to just over 500 MB")
	limits := flags.String("limits", "1.3,2,0", "memory limits in multiples of the largest package's peak; 0 is none")
	flags.StringVar(&tools, "tools", tools, "runners; the number after a dash is the concurrency")
	heap := flags.String("heap", "", "--max-old-space-size in the environment's NODE_OPTIONS, in MB (default: NODE_OPTIONS unset)")
	largest := flags.String("largest", "", "the largest package's peak, such as 900MB (default: measured)")
	flags.IntVar(&rounds, "rounds", rounds, "how many runs of each")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *size <= 0 {
		return fmt.Errorf("-size: %g is not more than 0", *size)
	}
	if err := tryCage(); err != nil {
		return err
	}
	a, err := newArena(ctx, where.Cache, *dir, *size)
	if err != nil {
		return err
	}
	a.heap, a.paired = *heap, against != ""
	if a.tools, err = contenders(ctx, tools, where.Binary, against, filepath.Dir(a.logs)); err != nil {
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
	var table, ratios strings.Builder
	defer func() { fmt.Print("\n", peerHeader, table.String(), ratios.String()) }()
	for text := range strings.SplitSeq(*limits, ",") {
		factor, err := strconv.ParseFloat(text, 64)
		if err != nil || factor < 0 {
			return fmt.Errorf("-limits: %q is not a multiple", text)
		}
		l := limit{factor, memtools.Bytes(factor*float64(most)) &^ (memtools.MB - 1)}
		outcomes, err := a.limited(ctx, l, rounds)
		if err != nil {
			return err
		}
		for i, c := range a.tools {
			fmt.Fprintf(&table, "| %v | %s | %s |\n", l, c.name, row(outcomes[i]))
		}
		a.versions(&ratios, l, outcomes)
	}
	return nil
}

// tryCage fails early if this machine cannot limit memory.
func tryCage() error {
	c, err := cage.New(memtools.GB)
	if err != nil {
		return err
	}
	_, err = c.Close()
	return err
}

// newArena generates the workspace, in a folder below cache if dir is empty.
func newArena(ctx context.Context, cache, dir string, size float64) (*arena, error) {
	root, err := command.CacheFolder(cache)
	if err != nil {
		return nil, err
	}
	a := &arena{logs: filepath.Join(root, "logs"), workspace: fixture.Layered(size)}
	if a.project, err = filepath.Abs(cmp.Or(dir, filepath.Join(root, fmt.Sprintf("peers-%g", size)))); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(a.logs, 0o755); err != nil {
		return nil, err
	}
	return a, a.workspace.Generate(ctx, a.project)
}

// contenders returns those that names lists. heapmage is compiled if it is one.
func contenders(ctx context.Context, names, binary, against, root string) (all []contender, err error) {
	if strings.Contains(names, "heapmage") {
		if binary, err = command.Binary(ctx, binary, root); err != nil {
			return nil, err
		}
	}
	for name := range strings.SplitSeq(names, ",") {
		c, err := contend(name, binary, against)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// limit is a memory limit as a multiple of the largest package's peak.
type limit struct {
	factor float64
	bytes  memtools.Bytes // zero: none
}

func (l limit) String() string {
	if l.bytes == 0 {
		return "none"
	}
	return fmt.Sprintf("%g × = %d MB", l.factor, l.bytes/memtools.MB)
}

// limited runs every contender under one limit. Each round starts with another;
// two versions of heapmage run back to back, in an order that alternates.
func (a *arena) limited(ctx context.Context, l limit, rounds int) ([][]outcome, error) {
	a.learned = map[string][]byte{}
	outcomes := make([][]outcome, len(a.tools))
	for round := range rounds {
		for i := range a.tools {
			at := (i + round) % len(a.tools)
			if a.paired && len(a.tools)%2 == 0 {
				at = i ^ round%2
			}
			o, err := a.run(ctx, a.tools[at], l.bytes, fmt.Sprintf("%g-%d", l.factor, round+1))
			if err != nil {
				return nil, err
			}
			fmt.Printf("limit %v, round %d, %-14s %s\n", l, round+1, a.tools[at].name+":", o.line())
			outcomes[at] = append(outcomes[at], o)
		}
	}
	return outcomes, nil
}

// versions writes how heapmage compares with its other version, cold and warm.
func (a *arena) versions(to *strings.Builder, l limit, outcomes [][]outcome) {
	at := func(name string) int {
		return slices.IndexFunc(a.tools, func(c contender) bool { return c.name == name })
	}
	for _, state := range []string{"-cold", "-warm"} {
		ours, other := at("heapmage"+state), at("against"+state)
		if ours < 0 || other < 0 {
			continue
		}
		if as, bs := bothGreen(outcomes[ours], outcomes[other]); len(as) > 0 {
			fmt.Fprintf(to, "\nlimit %v, %s", l, compared("heapmage"+state, "against"+state, as, bs))
		}
	}
}
