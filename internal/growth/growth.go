// Package growth tells which tasks need more memory than a committed history has of them. It
// works on values, and costs a few microseconds a task. Two runs of the same task differ by a few
// per cent, and small ones by a few MB; neither is called growth.
package growth

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// Floor is the growth that is never too much, whatever share it is.
const Floor = 20 * memtools.MB

// A run that is shorter than brief is looked at a few times only, and most of what a Node process
// takes at its start may be missed in one run and met in the next.
const (
	brief      = time.Second
	briefFloor = 64 * memtools.MB
)

// floor is the growth that is never too much between two runs.
func floor(from, to estimate.Sample) memtools.Bytes {
	for _, run := range []estimate.Sample{from, to} {
		if run.Duration > 0 && run.Duration < brief { // zero is unknown
			return briefFloor
		}
	}
	return Floor
}

// Samples are the runs of each task, the oldest first.
type Samples map[string][]estimate.Sample

// State is what a comparison found of a task.
type State string

// The states.
const (
	Grown   State = "grown"   // beyond the limit
	Within  State = "within"  // the limit
	Unclear State = "unclear" // Reason tells why
	New     State = "new"     // the base has no run of it
	NotRun  State = "not-run" // since the base was written
	Gone    State = "gone"    // the workspace has no such package
)

// Task is a task with its memory before and after.
type Task struct {
	Task  string `json:"task"`
	State State  `json:"state"`
	// Before is the median peak of the full runs in the base, After the peak of the last run.
	// Zero means unknown, or a run that was too short to be measured.
	Before memtools.Bytes `json:"before"`
	After  memtools.Bytes `json:"after"`
	// AtLeast is set if a full run might take more than After.
	AtLeast bool `json:"atLeast,omitempty"`
	// Reason is why it cannot be told whether it has grown.
	Reason string `json:"reason,omitempty"`
	// Changes are what else changed and may explain a difference.
	Changes []string `json:"changes,omitempty"`
}

// growth is how much more memory a task takes, in per cent.
func (t Task) growth() float64 {
	if t.Before <= 0 {
		return 0
	}
	return 100 * float64(t.After-t.Before) / float64(t.Before)
}

// Report is the comparison of all tasks.
type Report struct {
	Version int `json:"version"`
	// Base is the name of the file that was compared with.
	Base string `json:"base"`
	// MaxGrowth is the growth, in per cent, and Floor the memory, beyond which a task has grown.
	// Tasks that take less than a second have a higher floor.
	MaxGrowth float64        `json:"maxGrowth"`
	Floor     memtools.Bytes `json:"floor"`
	// Tasks are those that have grown first, then the others; both by their growth.
	Tasks []Task `json:"tasks"`
}

// version is that of the report's JSON. Later ones only add fields.
const version = 1

// Compare compares what the tasks took in later runs, now, with a base. exists reports whether
// a task still belongs to the workspace. base is changed.
func Compare(name string, base, now Samples, maxGrowth float64, exists func(task string) bool) *Report {
	r := &Report{Version: version, Base: name, MaxGrowth: maxGrowth, Floor: Floor, Tasks: []Task{}}
	for task, runs := range base {
		r.Tasks = append(r.Tasks, r.compare(task, runs, since(runs, now[task]), exists(task)))
	}
	for task, runs := range now {
		if _, known := base[task]; !known && exists(task) {
			r.Tasks = append(r.Tasks, Task{Task: task, State: New, After: estimate.Compare(nil, runs).After})
		}
	}
	order := []State{Grown, Within, Unclear, New, NotRun, Gone}
	slices.SortFunc(r.Tasks, func(a, b Task) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.State), slices.Index(order, b.State)), cmp.Compare(b.growth(), a.growth()), cmp.Compare(a.Task, b.Task))
	})
	return r
}

// since returns the runs after those of a base, which has whole seconds.
func since(base, now []estimate.Sample) []estimate.Sample {
	var last time.Time
	for _, x := range base {
		if x.Time.After(last) {
			last = x.Time
		}
	}
	return slices.DeleteFunc(slices.Clone(now), func(x estimate.Sample) bool { return !x.Time.Truncate(time.Second).After(last) })
}

func (r *Report) compare(task string, base, now []estimate.Sample, exists bool) Task {
	c := estimate.Compare(base, now)
	t := Task{Task: task, Before: c.Before, After: c.After, AtLeast: c.AtLeast != ""}
	switch {
	case !exists:
		t.State = Gone
	case c.To.Outcome == "":
		t.State = NotRun
	case c.From.Outcome == "":
		t.State, t.Reason = Unclear, "it never succeeded before"
	case c.After-c.Before >= floor(c.From, c.To) && (c.Before == 0 || t.growth() > r.MaxGrowth) && c.After > c.Highest:
		t.State = Grown
	case c.AtLeast != "":
		t.State, t.Reason = Unclear, string(c.AtLeast)
	default:
		t.State = Within
	}
	if t.State == Grown || t.State == Within {
		t.Changes = changes(c.From, c.To)
	}
	return t
}

// changes are what differs between two runs and may explain another peak.
func changes(from, to estimate.Sample) (all []string) {
	if from.Sources > 0 && to.Sources > 0 {
		if percent := math.Round(100 * (float64(to.Sources)/float64(from.Sources) - 1)); percent != 0 {
			all = append(all, fmt.Sprintf("sources %+.0f%%", percent))
		}
	}
	for _, v := range [][2]string{{from.Tool, to.Tool}, {from.Versions, to.Versions}} {
		if v[0] != "" && v[1] != "" && v[0] != v[1] {
			all = append(all, v[0]+" → "+v[1])
		}
	}
	return all
}

// Err is nil unless a task has grown. Its exit code is problem.ExitGrown.
func (r *Report) Err() error {
	grown := r.in(Grown)
	if len(grown) == 0 {
		return nil
	}
	var names []string
	for _, t := range grown {
		names = append(names, fmt.Sprintf("%s from %v to %v", t.Task, t.Before, t.After))
	}
	return &problem.Error{
		What: fmt.Sprintf("more memory than %s allows: %s", r.Base, problem.ShortList(names, 3)),
		Hint: "find what it needs the memory for; if that is meant to be, run memory:export and commit the file",
		Code: problem.ExitGrown,
	}
}

// in returns the tasks in a state.
func (r *Report) in(s State) []Task {
	return slices.DeleteFunc(slices.Clone(r.Tasks), func(t Task) bool { return t.State != s })
}

// most is the largest growth that can be allowed, in per cent.
const most = 10_000

// ParsePercent reads the growth that is allowed, such as "20%" or "12.5%".
func ParsePercent(text string) (float64, error) {
	number, ok := strings.CutSuffix(text, "%")
	percent, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(percent >= 0 && percent <= most) || strings.Trim(number, "0123456789.") != "" {
		return 0, &problem.Error{Where: "-maxGrowth=" + text, What: fmt.Sprintf("is not a percentage from 0%% to %d%%", most), Hint: "write it as 20% or 12.5%"}
	}
	return percent, nil
}
