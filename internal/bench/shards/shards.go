// Package shards compares ci:matrix with other ways to divide a build among runners, in simulated
// time.
package shards

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/shard"
	"github.com/heapmage/heapmage/internal/whatif"
	"github.com/heapmage/heapmage/memtools"
)

// divided is a graph of tasks whose times and peaks are known.
type divided struct {
	name  string
	tasks []shard.Task
}

// Run prints the comparison.
func Run(args []string) error {
	flags := flag.NewFlagSet("shards", flag.ContinueOnError)
	setup := flags.Duration("setup", 40*time.Second, "what a runner takes before its first task")
	cpus := flags.Float64("cpus", 4, "the processors of a runner")
	size := flags.String("memory", "16GB", "the memory of a runner")
	times := flags.Float64("times", 1, "how much longer each task takes than it was recorded")
	tries := flags.Int("tries", 2_000, "how many ways to divide are simulated to find the best")
	if err := flags.Parse(args); err != nil {
		return err
	}
	memory, err := memtools.ParseBytes(*size)
	if err != nil {
		return err
	}
	runner := shard.Runner{Memory: memory, Budget: memory - memory/20, CPUs: *cpus}
	graphs, err := recordedGraphs()
	if err != nil {
		return err
	}
	graphs = append(graphs, modelled(120))
	fmt.Printf("\nRunners of %v, %v of set-up, tasks %g times as long as recorded\n\n", runner, *setup, *times)
	fmt.Println("| graph (tasks) | one runner | runners | ci:matrix (shards) | all machines | best found | round robin | lower bound |\n|---|---|---|---|---|---|---|---|")
	for _, g := range graphs {
		for i := range g.tasks {
			g.tasks[i].Length = time.Duration(float64(g.tasks[i].Length) * *times)
		}
		for _, n := range []int{2, 4, 8} {
			if err := g.compare(runner, n, *setup, *tries); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g divided) compare(runner shard.Runner, runners int, setup time.Duration, tries int) error {
	d, err := shard.Divide(shard.Request{Tasks: g.tasks, Runners: runners, Runner: runner, Setup: setup})
	if err != nil {
		return err
	}
	o := &offline{divided: g, runner: runner, known: map[string]time.Duration{}, index: map[string]int{}}
	for i, t := range g.tasks {
		o.index[t.ID] = i
	}
	var wall, all time.Duration
	for _, s := range d.Shards {
		// Simulated again from the plan alone, as somebody else would.
		takes := setup + o.wall(append(slices.Clone(s.Tasks), s.Also...))
		wall, all = max(wall, takes), all+takes
	}
	alone := setup + o.wall(g.ids())
	best := min(setup+o.best(runners, tries), wall, alone)
	robin := setup
	for _, part := range g.roundRobin(runners) {
		robin = max(robin, setup+o.wall(part))
	}
	s := func(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }
	fmt.Printf("| %s (%d) | %s | %d | %s (%d) | %s | %s | %s | %s |\n", g.name, len(g.tasks), s(alone), runners, s(wall), len(d.Shards), s(all), s(best), s(robin), s(setup+o.bound(runners)))
	return nil
}

func (g divided) ids() (ids []string) {
	for _, t := range g.tasks {
		ids = append(ids, t.ID)
	}
	return ids
}

// roundRobin deals the tasks out by name, as CI configurations do by hand.
func (g divided) roundRobin(runners int) [][]string {
	ids := g.ids()
	slices.Sort(ids)
	parts := make([][]string, runners)
	for i, id := range ids {
		parts[i%runners] = append(parts[i%runners], id)
	}
	return parts
}

// offline looks for the best way to divide a graph, with all the time that it takes.
type offline struct {
	divided
	runner shard.Runner
	index  map[string]int
	known  map[string]time.Duration // of sets of tasks
}

// wall is how long a runner takes for some tasks, with all that they need.
func (o *offline) wall(ids []string) time.Duration {
	has := make([]bool, len(o.tasks))
	var need func(id string)
	need = func(id string) {
		if i := o.index[id]; !has[i] {
			has[i] = true
			for _, before := range o.tasks[i].After {
				need(before)
			}
		}
	}
	for _, id := range ids {
		need(id)
	}
	key := fmt.Sprint(has)
	if wall, ok := o.known[key]; ok {
		return wall
	}
	var works []schedule.Work
	for i, t := range o.tasks {
		if has[i] {
			works = append(works, schedule.Work{Job: schedule.Job{ID: t.ID, After: t.After, Estimate: schedule.Estimate{Need: t.Need, Length: t.Length, Cores: t.Cores}},
				Peak: t.Peak, Takes: t.Length, Busy: t.Cores, Rise: 0.8})
		}
	}
	w := whatif.Paced(schedule.World{CPUs: o.runner.CPUs, Budget: o.runner.Budget, Limit: o.runner.Memory}, works, 250*time.Millisecond, 2000)
	o.known[key] = w.Run(works).Wall
	return o.known[key]
}

// sinks are the tasks that no other needs: who builds all of them builds everything.
func (o *offline) sinks() (ids []string) {
	needed := map[string]bool{}
	for _, t := range o.tasks {
		for _, before := range t.After {
			needed[before] = true
		}
	}
	for _, t := range o.tasks {
		if !needed[t.ID] {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

// best is the time of the best of all ways to divide, if there are at most tries, else of the best
// that random moves find from ten random ones.
func (o *offline) best(runners, tries int) (best time.Duration) {
	sinks := o.sinks()
	ways := 1.0
	for range sinks {
		ways *= float64(runners)
	}
	at := make([]int, len(sinks))
	if ways <= float64(tries) {
		for range int(ways) {
			if wall := o.way(sinks, at, runners); best == 0 || wall < best {
				best = wall
			}
			for i := range at { // counts through all ways
				if at[i]++; at[i] < runners {
					break
				}
				at[i] = 0
			}
		}
		return best
	}
	r := rand.New(rand.NewPCG(1, 1))
	const starts = 10
	for range starts {
		for i := range at {
			at[i] = r.IntN(runners)
		}
		now := o.way(sinks, at, runners)
		for range tries / starts {
			moved := slices.Clone(at)
			moved[r.IntN(len(at))] = r.IntN(runners)
			if r.IntN(2) == 0 {
				a, b := r.IntN(len(at)), r.IntN(len(at))
				moved[a], moved[b] = moved[b], moved[a]
			}
			if wall := o.way(sinks, moved, runners); wall <= now {
				now, at = wall, moved
			}
		}
		if best == 0 || now < best {
			best = now
		}
	}
	return best
}

// way is the time of one way to divide.
func (o *offline) way(sinks []string, at []int, runners int) (wall time.Duration) {
	parts := make([][]string, runners)
	for i, id := range sinks {
		parts[at[i]] = append(parts[at[i]], id)
	}
	for _, part := range parts {
		if len(part) > 0 {
			wall = max(wall, o.wall(part))
		}
	}
	return wall
}

// bound is what no way to divide is faster than.
func (o *offline) bound(runners int) time.Duration {
	var busy, path time.Duration
	paths := map[string]time.Duration{}
	for _, t := range o.tasks {
		busy += time.Duration(float64(t.Length) * t.Cores)
		for _, before := range t.After {
			paths[t.ID] = max(paths[t.ID], paths[before])
		}
		paths[t.ID] += t.Length
		path = max(path, paths[t.ID])
	}
	return max(path, time.Duration(float64(busy)/o.runner.CPUs/float64(runners)))
}

// recordedGraphs are builds that were recorded: peaks, processor times and what each task needs.
func recordedGraphs() (all []divided, err error) {
	files, err := filepath.Glob("internal/schedule/testdata/recorded/*.txt")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no recorded build below the working folder: %w", cmp.Or(err, os.ErrNotExist))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		g := divided{name: strings.TrimSuffix(filepath.Base(file), ".txt")}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if f[0] == "#" {
				continue
			}
			var megabytes, ms int
			if _, err := fmt.Sscan(f[1]+" "+f[2], &megabytes, &ms); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			g.tasks = append(g.tasks, sized(f[0], megabytes, time.Duration(ms)*time.Millisecond, f[3:]))
		}
		all = append(all, g)
	}
	return all, nil
}

// sized is a task that keeps a processor busy.
func sized(id string, megabytes int, length time.Duration, after []string) shard.Task {
	peak := memtools.Bytes(megabytes) * memtools.MB
	return shard.Task{ID: id, After: after, Need: peak + peak/20 + 16*memtools.MB, Peak: peak, Length: length, Cores: 1}
}

// modelled is a graph of a seeded model: packages in layers, of which most are small and a few
// large, as in the recorded ones.
func modelled(count int) divided {
	r := rand.New(rand.NewPCG(17, 17))
	g := divided{name: "a seeded model"}
	for i := range count {
		scale := min(20, r.ExpFloat64()*r.ExpFloat64())
		var after []string
		for range min(i, r.IntN(4)) {
			after = append(after, fmt.Sprintf("p%03d", r.IntN(1+min(i-1, count/3))))
		}
		slices.Sort(after)
		g.tasks = append(g.tasks, sized(fmt.Sprintf("p%03d", i), 100+int(300*scale), time.Duration((2+6*scale)*float64(time.Second)), slices.Compact(after)))
	}
	return g
}
