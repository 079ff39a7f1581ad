package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/heapmage/heapmage/memtools/v8heap"
)

// agent says what the agent in Node processes costs: one that does nothing, on
// each version of Node, and a build of the example, or of its packages that are
// named, where shorter and more pairs give a narrower interval in the same time.
func agent(ctx context.Context, pairs int, packages []string) error {
	server, err := v8heap.Listen("")
	if err != nil {
		return err
	}
	defer server.Close()
	programs, err := nodePrograms()
	if err != nil {
		return err
	}
	for _, program := range programs {
		if err := agentInProcess(ctx, server, program); err != nil {
			return err
		}
	}
	if pairs == 0 {
		return nil
	}
	return agentInBuild(ctx, pairs, packages)
}

// agentInBuild builds with the agent and without in pairs, whose order changes
// from each to the next, so that a drift of the machine's speed is in both.
func agentInBuild(ctx context.Context, pairs int, packages []string) error {
	dir, err := os.MkdirTemp("", "heapmage-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	example, binary, err := installedExample(ctx, dir)
	if err != nil {
		return err
	}
	var wall, cpu [2][]time.Duration // without, with
	for i := range pairs + 1 {       // the first pair does not count
		var both [2]spent
		for turn := range 2 {
			loaded := (turn + i) % 2
			// Without what was learned, so that every process gets the agent.
			if err := os.RemoveAll(filepath.Join(example, ".heapmage")); err != nil {
				return err
			}
			command := []string{"env", fmt.Sprintf("HEAPMAGE_GC_AUTO=%v", loaded == 1), binary, "build:managed"}
			if len(packages) > 0 {
				command = append(command, "-workspace="+strings.Join(packages, ","))
			}
			if both[loaded], err = timed(ctx, example, command...); err != nil {
				return err
			}
		}
		if i == 0 {
			continue
		}
		for loaded, s := range both {
			wall[loaded], cpu[loaded] = append(wall[loaded], s.wall), append(cpu[loaded], s.cpu)
		}
		fmt.Printf("pair %d: build without %.2fs (%.2fs of processor time), with the agent %.2fs (%.2fs)\n",
			i, both[0].wall.Seconds(), both[0].cpu.Seconds(), both[1].wall.Seconds(), both[1].cpu.Seconds())
	}
	fmt.Printf("\nbuild with the agent / without, %d pairs:\n", pairs)
	for _, r := range []struct {
		what  string
		times [2][]time.Duration
	}{{"wall time", wall}, {"processor time", cpu}} {
		fmt.Printf("%-15s median %.2fs without, %.2fs with; ratio by Student's t %v; by ranks %v\n", r.what,
			median(r.times[0]).Seconds(), median(r.times[1]).Seconds(), ratioOf(r.times[1], r.times[0]), rankRatioOf(r.times[1], r.times[0]))
	}
	return nil
}

// rankRatioOf is ratioOf by ranks: a pair in which the machine was disturbed
// counts no more than any other pair.
func rankRatioOf(a, b []time.Duration) ratio {
	logs := make([]float64, len(a))
	for i := range a {
		logs[i] = math.Log(float64(a[i]) / float64(b[i]))
	}
	mid, low, high := signedRank(logs)
	return ratio{math.Exp(mid), math.Exp(low), math.Exp(high)}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
