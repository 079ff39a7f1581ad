package runpage

import (
	"cmp"
	"path/filepath"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/timeline"
	"github.com/heapmage/heapmage/internal/whatif"
	"github.com/heapmage/heapmage/memtools"
)

// data is what the page's scripts show. Times are seconds since the run began, sizes are bytes.
// Texts are made printable, and are text and nothing more on the page.
type data struct {
	Run       run         `json:"run"`
	Warning   float64     `json:"warning"`
	Critical  float64     `json:"critical"`
	Usage     usage       `json:"usage"`
	Tasks     []task      `json:"tasks"`
	Path      []link      `json:"path"`
	Marks     []mark      `json:"marks"`
	Steps     []step      `json:"steps"`
	Pressures []pressure  `json:"pressures"`
	Notices   []notice    `json:"notices"`
	Compare   *comparison `json:"compare,omitempty"`
	WhatIf    []change    `json:"whatIf,omitempty"`
}

// run is the head.
type run struct {
	ID          string         `json:"id"`
	Name        string         `json:"name"` // the workspace's folder
	Target      string         `json:"target"`
	Mode        event.Mode     `json:"mode"`
	Manager     string         `json:"manager"`
	Started     time.Time      `json:"started"`
	Seconds     float64        `json:"seconds"` // from the first event to the last
	Status      string         `json:"status"`
	Reason      string         `json:"reason,omitempty"`
	Budget      memtools.Bytes `json:"budget"`
	Source      string         `json:"source"` // of the budget
	CPUs        float64        `json:"cpus"`
	Concurrency int            `json:"concurrency"`
	Damage      string         `json:"damage,omitempty"`
	Totals      totals         `json:"totals"`
	Lines       []string       `json:"lines"` // the totals, as the log has them
}

// totals are the figures of a run.
type totals struct {
	Seconds   float64        `json:"seconds"`
	Peak      memtools.Bytes `json:"peak"`
	Budget    memtools.Bytes `json:"budget"`
	Succeeded int            `json:"succeeded"`
	Known     int            `json:"known"`
	Saved     float64        `json:"saved"`
	Failed    int            `json:"failed"`
	Skipped   int            `json:"skipped"`
	Tasks     float64        `json:"tasks"`
	Bound     float64        `json:"bound"`
	BoundBy   string         `json:"boundBy,omitempty"`
	Retries   int            `json:"retries"`
	Pauses    int            `json:"pauses"`
	GCs       int            `json:"collections"`
}

// usage is the usage over time, a number for each sample.
type usage struct {
	At     []float64        `json:"at"`
	Usage  []memtools.Bytes `json:"usage"`
	Budget []memtools.Bytes `json:"budget"`
	// Layers are the packages that used most, the largest first. The last two are all others
	// and what no task used.
	Layers []layer `json:"layers"`
}

// layer is the part of a package in the usage.
type layer struct {
	Name  string           `json:"name"`
	Kind  string           `json:"kind"` // package, others or own
	Usage []memtools.Bytes `json:"usage"`
}

type task struct {
	Name     string    `json:"name"`
	Package  string    `json:"package"`
	ID       string    `json:"id"`
	Layer    int       `json:"layer"` // in usage.Layers
	Status   string    `json:"status"`
	After    []int     `json:"after,omitempty"`
	Attempts []attempt `json:"attempts,omitempty"`
	Waits    []wait    `json:"waits,omitempty"`
	Known    *known    `json:"known,omitempty"`
	Because  string    `json:"because,omitempty"` // of a skipped one: what failed
	Critical bool      `json:"critical,omitempty"`
}

type attempt struct {
	Start     float64        `json:"start"`
	End       float64        `json:"end"`
	Status    string         `json:"status"`
	Need      memtools.Bytes `json:"need"`
	Basis     string         `json:"basis,omitempty"`
	HeapLimit memtools.Bytes `json:"heapLimit,omitempty"`
	Peak      memtools.Bytes `json:"peak"`
	CPU       float64        `json:"cpu"`
	Frozen    [][2]float64   `json:"frozen,omitempty"`
	Because   string         `json:"because,omitempty"`
	Reason    string         `json:"reason,omitempty"`
	Hint      string         `json:"hint,omitempty"`
	Log       string         `json:"log,omitempty"`
	Excerpt   []string       `json:"excerpt,omitempty"`
	Final     bool           `json:"final,omitempty"` // no other one follows
}

type wait struct {
	From float64        `json:"from"`
	To   float64        `json:"to"`
	For  timeline.Cause `json:"for,omitempty"`
}

type known struct {
	At      float64        `json:"at"`
	Written int            `json:"written"`
	Seconds float64        `json:"seconds"`
	Peak    memtools.Bytes `json:"peak"`
	CPU     float64        `json:"cpu"`
}

type link struct {
	Task    int             `json:"task"`
	Attempt int             `json:"attempt"`
	Before  timeline.Reason `json:"before,omitempty"`
}

// mark is something that was done about memory.
type mark struct {
	At   float64 `json:"at"`
	Kind string  `json:"kind"` // gc, pause, stop or death
	Text string  `json:"text"`
}

type step struct {
	From    float64 `json:"from"`
	To      float64 `json:"to"`
	Command string  `json:"command"`
	Reason  string  `json:"reason"`
	Failed  string  `json:"failed,omitempty"`
}

type pressure struct {
	At    float64 `json:"at"`
	Level string  `json:"level"`
}

type notice struct {
	At   float64 `json:"at"`
	Task string  `json:"task,omitempty"`
	Text string  `json:"text"`
	Hint string  `json:"hint,omitempty"`
}

// mostMarks bounds the marks and changes of pressure on a page.
const mostMarks = 2000

// change is what would have been different, and the time that the tasks would have taken. Without
// text it is the run as it was; without a time, tasks would not fit.
type change struct {
	Change  string  `json:"change"`
	Seconds float64 `json:"seconds"`
}

// changesOf are the answers, if the run as it was could be simulated.
func changesOf(answers []whatif.Answer) (all []change) {
	if len(answers) == 0 || len(answers[0].Fails) > 0 {
		return nil
	}
	for _, a := range answers {
		text := a.Change
		if len(a.Fails) > 0 {
			text += ": too little for " + problem.ShortList(a.Fails, 3)
		}
		all = append(all, change{printable.Text(text), seconds(a.Wall)})
	}
	return all
}

// maker makes the data of one run.
type maker struct {
	t      *timeline.Timeline
	layers map[string]int // by package
}

// since is a time in seconds since the run began, to the millisecond.
func (m *maker) since(at time.Time) float64 { return seconds(at.Sub(m.t.Start)) }

func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

func dataOf(id string, t *timeline.Timeline) *data {
	m := &maker{t: t}
	d := &data{Run: m.run(id), Usage: m.usage(), Tasks: []task{}, Path: []link{}, Marks: m.marks(), Steps: []step{}, Pressures: []pressure{}, Notices: []notice{}}
	index := make(map[string]int, len(t.Tasks))
	for i, one := range t.Tasks {
		index[one.ID] = i
	}
	for _, one := range t.Tasks {
		d.Tasks = append(d.Tasks, m.task(one, index))
	}
	for _, l := range t.CriticalPath() {
		d.Path = append(d.Path, link{l.Task, l.Attempt, l.Before})
		d.Tasks[l.Task].Critical = true
	}
	for _, s := range t.Steps {
		one := step{From: m.since(s.From), To: m.since(s.To), Command: printable.Text(s.Command), Reason: printable.Text(s.Reason)}
		if s.Result != nil {
			one.Failed = printable.Text(s.Result.Reason)
		}
		d.Steps = append(d.Steps, one)
	}
	for _, p := range t.Pressures[:min(mostMarks, len(t.Pressures))] {
		d.Pressures = append(d.Pressures, pressure{m.since(p.At), p.Level.String()})
	}
	for _, n := range t.Notices {
		d.Notices = append(d.Notices, notice{m.since(n.At), printable.Text(n.Task), printable.Text(n.Text), printable.Text(n.Hint)})
	}
	return d
}

func (m *maker) run(id string) run {
	r, f := m.t.Run, m.t.Totals
	one := run{
		ID: id, Name: printable.Text(filepath.Base(filepath.ToSlash(r.Root))), Target: printable.Text(r.Target), Mode: r.Mode, Manager: printable.Text(r.Manager),
		Started: m.t.Start, Seconds: m.since(m.t.End), Reason: printable.Text(f.Reason),
		Budget: r.Budget, Source: printable.Text(r.BudgetSource), CPUs: r.CPUs, Concurrency: r.Concurrency, Damage: printable.Text(m.t.Damage),
		Totals: totals{
			Seconds: seconds(f.Duration), Peak: f.Peak, Budget: f.Budget, Succeeded: f.Succeeded, Known: f.Known, Saved: seconds(f.Saved), Failed: f.Failed, Skipped: f.Skipped,
			Tasks: seconds(f.Tasks), Bound: seconds(f.Bound), BoundBy: printable.Text(f.BoundBy), Retries: f.Retries, Pauses: f.Pauses, GCs: f.Collections,
		},
	}
	switch {
	case !m.t.Ended:
		one.Status = "unfinished"
	case f.Outdated:
		one.Status = "outdated"
	case f.ExitCode == 0:
		one.Status = "succeeded"
	default:
		one.Status = "failed"
	}
	return one
}

// name is a task's in the log.
func (m *maker) name(t event.Task) string { return printable.Text(t.LabelIn(m.t.Run.Target)) }

func (m *maker) task(t *timeline.Task, index map[string]int) task {
	one := task{Name: m.name(t.Task), Package: printable.Text(t.Package), ID: printable.Text(t.ID), Layer: m.layerOf(t.Package)}
	for _, id := range t.After {
		if i, ok := index[id]; ok {
			one.After = append(one.After, i)
		}
	}
	for _, w := range t.Waits {
		if w.To.Sub(w.From) >= time.Millisecond {
			one.Waits = append(one.Waits, wait{m.since(w.From), m.since(w.To), w.For})
		}
	}
	for _, a := range t.Attempts {
		one.Attempts = append(one.Attempts, m.attempt(a))
	}
	switch result := t.Result(); {
	case t.Known != nil:
		one.Status = "up to date"
		if t.Known.Written > 0 {
			one.Status = "restored"
		}
		one.Known = &known{m.since(t.KnownAt), t.Known.Written, seconds(t.Known.Duration), t.Known.Peak, seconds(t.Known.CPU)}
	case t.Skipped != nil:
		one.Status = "skipped"
		if t.Skipped.Because != nil {
			one.Because = m.name(*t.Skipped.Because)
		}
	case result != nil:
		one.Status = string(result.Status)
	case len(t.Attempts) > 0:
		one.Status = "not ended"
	default:
		one.Status = "not run"
	}
	return one
}

func (m *maker) attempt(a timeline.Attempt) attempt {
	one := attempt{
		Start: m.since(a.Start), End: m.since(a.End), Status: "not ended", Need: a.Need, Basis: printable.Text(a.Basis), HeapLimit: max(0, a.HeapLimit),
		Because: printable.Text(a.Because),
	}
	for _, f := range a.Frozen {
		one.Frozen = append(one.Frozen, [2]float64{m.since(f.From), m.since(f.To)})
	}
	if r := a.Result; r != nil {
		log := r.Log
		if inside, err := filepath.Rel(m.t.Run.Root, log); err == nil && filepath.IsLocal(inside) {
			log = inside
		}
		one.Status, one.Peak, one.CPU, one.Reason, one.Hint = string(r.Status), r.Peak, seconds(r.CPU), printable.Text(r.Reason), printable.Text(r.Hint)
		one.Log, one.Final = printable.Text(log), !r.Retry
		for _, line := range r.Excerpt {
			one.Excerpt = append(one.Excerpt, printable.Text(line))
		}
	}
	return one
}

// marks are the first mostMarks in the order of time.
func (m *maker) marks() []mark {
	marks := []mark{}
	for _, c := range m.t.Collections {
		text := "garbage collection (" + printable.Text(string(c.Trigger)) + ")"
		if c.Result != nil {
			text += ", freed " + max(0, c.Result.Freed).Short()
		}
		marks = append(marks, mark{m.since(c.From), "gc", text})
	}
	for _, t := range m.t.Tasks {
		name := m.name(t.Task)
		for _, a := range t.Attempts {
			for _, f := range a.Frozen {
				marks = append(marks, mark{m.since(f.From), "pause", name + " paused"})
			}
			switch r := a.Result; {
			case r == nil:
			case r.Status == event.Stopped:
				marks = append(marks, mark{m.since(a.End), "stop", name + " stopped to make room"})
			case r.Status == event.OutOfMemory:
				marks = append(marks, mark{m.since(a.End), "death", name + ": " + printable.Text(r.Reason)})
			}
		}
	}
	slices.SortStableFunc(marks, func(a, b mark) int { return cmp.Compare(a.At, b.At) })
	return marks[:min(mostMarks, len(marks))]
}
