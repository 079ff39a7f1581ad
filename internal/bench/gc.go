package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/bench/command"
	"github.com/heapmage/heapmage/internal/bench/fixture"
	"github.com/heapmage/heapmage/internal/bench/record"
	"github.com/heapmage/heapmage/internal/bench/stats"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

// gcRun is one run of a load.
type gcRun struct {
	wall        time.Duration
	peak, freed memtools.Bytes
	collections int
	pause       time.Duration // sum over all collections
	output      [sha256.Size]byte
}

func (r gcRun) String() string {
	return fmt.Sprintf("%.1fs, peak %v, %d GCs in %.1fs freed %v", r.wall.Seconds(), r.peak, r.collections, r.pause.Seconds(), r.freed)
}

// gc runs each load with automatic garbage collection and without, in pairs.
func gc(ctx context.Context, pairs int) error {
	dir, err := os.MkdirTemp("", "heapmage-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	project := filepath.Join(dir, "project")
	binary, err := command.Binary(ctx, "", dir)
	if err != nil {
		return err
	}
	if err := fixture.GenerateLoads(ctx, project); err != nil {
		return err
	}
	for _, l := range fixture.Loads {
		fmt.Printf("%s, budget %s\n", l.About, l.Budget)
		var with, without []time.Duration
		var peakWith, peakWithout, freed memtools.Bytes
		same := true
		for i := range pairs {
			var both [2]gcRun // without and with
			for turn := range 2 {
				auto := (turn + i) % 2
				if both[auto], err = runLoad(ctx, l, project, binary, auto == 1); err != nil {
					return err
				}
			}
			fmt.Printf("  pair %d: without %v\n          with    %v\n", i+1, both[0], both[1])
			without, with = append(without, both[0].wall), append(with, both[1].wall)
			peakWithout, peakWith = peakWithout+both[0].peak/memtools.Bytes(pairs), peakWith+both[1].peak/memtools.Bytes(pairs)
			freed += both[1].freed / memtools.Bytes(pairs)
			same = same && both[0].output == both[1].output
		}
		fmt.Printf("  mean peak %v without, %v with (%.0f %% less); freed %v a run; time with / without %v; output the same: %v\n\n",
			peakWithout, peakWith, 100*(1-float64(peakWith)/float64(peakWithout)), freed, stats.Student(with, without), same)
		if !same {
			return errors.New("the outputs differ")
		}
	}
	return nil
}

func runLoad(ctx context.Context, l fixture.Load, project, binary string, auto bool) (r gcRun, err error) {
	output := filepath.Join(project, "packages", l.Name, "dist")
	for _, old := range []string{output, filepath.Join(project, ".heapmage")} {
		if err := os.RemoveAll(old); err != nil {
			return r, err
		}
	}
	c := exec.CommandContext(ctx, binary, "build:managed", "-workspace="+l.Name)
	c.Dir = project
	c.Env = append(os.Environ(), environ.Budget+"="+l.Budget, fmt.Sprintf("%s=%v", environ.GCAuto, auto), environ.NodeOptions+"=")
	if out, err := c.CombinedOutput(); err != nil {
		return r, fmt.Errorf("%s: %w\n%s", l.Name, err, out)
	}
	events, err := record.Only(project)
	if err != nil {
		return r, err
	}
	for _, e := range events {
		switch e := e.Event.(type) {
		case event.TaskFinished:
			r.wall, r.peak = e.Duration, e.Peak
		case event.GCFinished:
			r.collections++
			r.freed += e.Freed
			for _, p := range e.Processes {
				r.pause += p.Duration
			}
		}
	}
	r.output, err = digest(output)
	return r, err
}

// digest returns one checksum of the names and contents of all files below dir.
func digest(dir string) (sum [sha256.Size]byte, err error) {
	all := sha256.New()
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(all, "%s %x\n", strings.TrimPrefix(path, dir), sha256.Sum256(text))
		return err
	})
	return [sha256.Size]byte(all.Sum(nil)), err
}
