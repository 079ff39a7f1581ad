package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/bench/cage"
	"github.com/heapmage/heapmage/internal/bench/stats"
	"github.com/heapmage/heapmage/memtools"
)

// spent is what a command took.
type spent struct {
	wall time.Duration
	cpu  time.Duration  // of the command, and of all that it waited for
	own  memtools.Bytes // the highest usage of the runner's own process
	// resident is its highest resident set, with the pages of files, where that is measured.
	resident memtools.Bytes
}

// outcome is one run of one contender inside a memory limit.
type outcome struct {
	cage.Counted
	spent
	green     bool
	heapDeath bool           // V8 ran out of heap in some process
	left      int            // processes that ran a second after the runner had ended
	private   memtools.Bytes // largest usage of all processes at one moment
	resident  memtools.Bytes // largest resident set of one of the runner's own processes
	overhead  memtools.Bytes // largest usage of the runner's and npm's processes at one moment
}

// add takes in one sample. If npm is the runner, its processes are the runner's.
func (o *outcome) add(processes []cage.Process, npm bool) {
	var private, overhead memtools.Bytes
	for _, p := range processes {
		role := classify(p.Arguments)
		private += p.Private
		if role != work {
			overhead += p.Private
		}
		if role == runner || npm && role == manager {
			o.resident = max(o.resident, p.Resident)
		}
	}
	o.private, o.overhead = max(o.private, private), max(o.overhead, overhead)
}

// line returns the outcome as the line of a run.
func (o *outcome) line() string {
	end := "FAILED"
	if o.green {
		end = "green"
	}
	text := fmt.Sprintf("%s in %.1fs, peak %d MB, kernel kills %d", end, o.wall.Seconds(), o.private/memtools.MB, o.Kills)
	if o.heapDeath {
		text += ", a V8 death"
	}
	if o.left > 0 {
		text += fmt.Sprintf(", %d processes left running", o.left)
	}
	return text
}

// row returns the cells of the table for the runs of one contender.
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
		sum.Kills += o.Kills
		sum.left += o.left
		top.private, top.Peak = max(top.private, o.private), max(top.Peak, o.Peak)
		top.resident, top.overhead = max(top.resident, o.resident), max(top.overhead, o.overhead)
	}
	wall := "–"
	if len(walls) > 0 {
		wall = fmt.Sprintf("%.1f (%.1f to %.1f)", stats.Median(walls).Seconds(), slices.Min(walls).Seconds(), slices.Max(walls).Seconds())
	}
	return fmt.Sprintf("%d of %d | %d | %d | %d | %s | %d | %d | %d | %d", len(walls), len(runs), sum.Kills, heapDeaths, sum.left, wall,
		top.private/memtools.MB, top.Peak/memtools.MB, top.resident/memtools.MB, top.overhead/memtools.MB)
}

// bothGreen returns what two contenders spent in the rounds that both built.
func bothGreen(a, b []outcome) (as, bs []spent) {
	for i := range a {
		if a[i].green && b[i].green {
			as, bs = append(as, a[i].spent), append(bs, b[i].spent)
		}
	}
	return as, bs
}
