package shard

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
)

// usualLength is how long a task is taken to run if no length of any is known.
const usualLength = 10 * time.Second

// Assume sets the length of tasks of which none is known: that of the middle one of the others. guesses
// are tasks of which no run is known. The result tells people of both; it is empty if there are none.
func Assume(tasks []Task, guesses []string) (text, hint string) {
	assumed, length := assume(tasks)
	if len(guesses) == 0 {
		return "", ""
	}
	text = fmt.Sprintf("No run is known of %s, so time and memory are guessed: %s", printable.Count(len(guesses), "task"), problem.ShortList(guesses, 3))
	if assumed > 0 {
		text += fmt.Sprintf("; %v where nothing is like them", clock(length))
	}
	return text, "keep .heapmage/history.jsonl between jobs, or commit what memory:export writes, and import it first"
}

func assume(tasks []Task) (count int, length time.Duration) {
	var known []time.Duration
	for _, t := range tasks {
		if t.Length > 0 && !t.Known {
			known = append(known, t.Length)
		}
	}
	length = usualLength
	if slices.Sort(known); len(known) > 0 {
		length = known[len(known)/2]
	}
	for i := range tasks {
		if t := &tasks[i]; t.Length <= 0 && !t.Known {
			t.Length = length
			count++
		}
	}
	return count, length
}

// Summary tells in a sentence what was divided, and in another why into no more shards, if there
// might have been more. hint is what to do, if there is something.
func (d *Division) Summary(r Request) (lines []string, hint string) {
	known := 0
	for _, t := range r.Tasks {
		if t.Known {
			known++
		}
	}
	toRun := len(r.Tasks) - known
	if len(d.Shards) == 0 {
		return []string{fmt.Sprintf("No shard: %s known", are(known))}, ""
	}
	took := d.trial(len(d.Shards))
	line := fmt.Sprintf("%s: %s to run, %d known; %s with %s of set-up", printable.Count(len(d.Shards), "shard"), printable.Count(toRun, "task"), known, clock(took.Wall), clock(r.Setup))
	if len(d.Shards) > 1 {
		line += fmt.Sprintf(", %s with one runner", clock(d.Alone+r.Setup))
	}
	lines = append(lines, line)
	if len(d.Shards) >= r.Runners {
		return lines, ""
	}
	if more, ok := d.more(); ok && more.Wall < took.Wall {
		lines = append(lines, fmt.Sprintf("More do not pay: %d would take %s and %s of all runners, not %s", more.Shards, clock(more.Wall), clock(more.Machines), clock(took.Machines)))
	} else {
		lines = append(lines, "More would not be done sooner")
	}
	if saved := d.Alone + r.Setup - took.Wall; saved < r.Setup {
		hint = "a job that builds everything, without a plan, is done about as soon: the job that plans has to be set up, too"
	}
	return lines, hint
}

// more is the best trial with more shards than there are.
func (d *Division) more() (best Trial, ok bool) {
	for _, t := range d.Tried {
		if t.Shards > len(d.Shards) && (!ok || t.Wall < best.Wall) {
			best, ok = t, true
		}
	}
	return best, ok
}

// trial is the cheapest one of a number of shards.
func (d *Division) trial(shards int) (best Trial) {
	for _, t := range d.Tried {
		if t.Shards == shards && (best.Shards == 0 || t.cost() < best.cost()) {
			best = t
		}
	}
	return best
}

// Details tell what each shard does, and what other numbers of shards come to.
func (d *Division) Details(r Request) (lines []string) {
	known := map[string]bool{}
	for _, t := range r.Tasks {
		known[t.ID] = t.Known
	}
	for i, s := range d.Shards {
		line := fmt.Sprintf("Shard %d/%d, %s: %s, %s at most, runs %s", i+1, len(d.Shards), cmp.Or(s.Runner.Label, s.Runner.String()), clock(s.Time), s.Peak.Short(), problem.ShortList(s.Tasks, mostNamed))
		again := slices.DeleteFunc(slices.Clone(s.Also), func(id string) bool { return known[id] })
		if len(again) > 0 {
			line += "; as others do: " + problem.ShortList(again, mostNamed)
		}
		if fetched := slices.DeleteFunc(slices.Clone(s.Also), func(id string) bool { return !known[id] }); len(fetched) > 0 {
			line += "; fetches " + problem.ShortList(fetched, mostNamed)
		}
		lines = append(lines, line)
	}
	for _, t := range d.Tried {
		lines = append(lines, fmt.Sprintf("%s: done after %s, %s of all runners, set-up included", printable.Count(t.Shards, "shard"), clock(t.Wall), clock(t.Machines)))
	}
	return lines
}

// mostNamed is how many tasks a line names.
const mostNamed = 8

func are(n int) string {
	if n == 1 {
		return "the result of 1 task is"
	}
	return fmt.Sprintf("the results of all %d tasks are", n)
}

// clock is a time for people.
func clock(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
