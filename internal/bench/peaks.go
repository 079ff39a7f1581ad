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

	"github.com/heapmage/heapmage/internal/bench/cage"
	"github.com/heapmage/heapmage/internal/bench/command"
	"github.com/heapmage/heapmage/internal/bench/fixture"
	"github.com/heapmage/heapmage/internal/bench/record"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

// A told peak may differ from the kernel's by a part of it, 1/peakPart, or by peakBytes.
const (
	peakPart  = 10
	peakBytes = 20 * memtools.MB
)

// peaks runs one package of each shape of memory under heapmage. The script puts itself into
// a cgroup, where nothing else runs. The kernel's count for that cgroup, read every 5 ms, is
// compared with the peak that heapmage reports.
func peaks(ctx context.Context, rounds int, args []string) error {
	flags := flag.NewFlagSet("peaks", flag.ContinueOnError)
	where := command.PlaceFlags(flags)
	only := flags.String("shapes", "", "the shapes to run, with commas between them (default: all)")
	flags.IntVar(&rounds, "rounds", rounds, "how many runs of each")
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, binary, err := where.Find(ctx)
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "peaks")
	if err := fixture.GenerateShapes(ctx, dir); err != nil {
		return err
	}
	fmt.Print("| shape | the kernel's peak MB | heapmage's | difference | with the page cache, at most |\n|---|---|---|---|---|\n")
	var wrong []string
	for _, s := range fixture.Shapes {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), s.Name) {
			continue
		}
		for range rounds {
			p, err := shapePeaks(ctx, dir, binary, s)
			if err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			fmt.Printf("| %s | %d | %d | %+d | %d |\n", s.About, p.kernel/memtools.MB, p.told/memtools.MB, (p.told-p.kernel)/memtools.MB, p.atMost/memtools.MB)
			if off := max(p.told-p.kernel, p.kernel-p.told); !s.Unclear && off > max(p.kernel/peakPart, peakBytes) {
				wrong = append(wrong, s.Name)
			}
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("not within a tenth or %v of the kernel's: %s", peakBytes, strings.Join(wrong, ", "))
	}
	return nil
}

// twoPeaks are the peak of one task as it was told, and as the kernel has it: what could
// not be dropped, and with the page cache.
type twoPeaks struct{ told, kernel, atMost memtools.Bytes }

func shapePeaks(ctx context.Context, dir, binary string, s fixture.Shape) (p twoPeaks, err error) {
	if err := os.RemoveAll(filepath.Join(dir, ".heapmage")); err != nil {
		return p, err
	}
	around, err := cage.New(0)
	if err != nil {
		return p, err
	}
	defer func() {
		_, closed := around.Close()
		err = errors.Join(err, closed)
	}()
	if err := s.WriteScript(dir, around.Join()); err != nil {
		return p, err
	}
	c := exec.CommandContext(ctx, binary, "build", "-workspace=packages/"+s.Name)
	c.Dir, c.Env = dir, command.Environment("")
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	_, failed, err := command.Watch(c, 5*time.Millisecond, func(int) {}, func() error {
		held, err := around.Held()
		p.kernel = max(p.kernel, held)
		return err
	})
	if err = errors.Join(err, failed); err != nil {
		return p, fmt.Errorf("%w\n%s", err, out.String())
	}
	counted, err := around.Counted()
	if err != nil {
		return p, err
	}
	p.atMost = counted.Peak
	p.told, err = toldPeak(dir)
	return p, err
}

// toldPeak is the peak of the only task that the only recorded run in dir has.
func toldPeak(dir string) (memtools.Bytes, error) {
	events, err := record.Only(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range events {
		if f, ok := e.Event.(event.TaskFinished); ok {
			return f.Peak, nil
		}
	}
	return 0, errors.New("no task has finished")
}
