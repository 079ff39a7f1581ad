// Package trace writes a recorded run in the Trace Event Format, as a JSON array of events, which
// Perfetto, chrome://tracing and the DevTools of browsers show. Names are as in the record: a
// viewer shows them as text.
//
// The format: "Trace Event Format", Nat Duca and Dan Sinclair, Google 2016.
package trace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/timeline"
	"github.com/heapmage/heapmage/memtools"
)

// beginning is that of each trace, and head the first event in it.
const (
	beginning = "[\n"
	head      = `{"name":"process_name","ph":"M","ts":0,"pid":1,"tid":0,"args":{"name":"heapmage `
)

// IsTrace reports by its first bytes whether a file is a trace that Write wrote.
func IsTrace(text []byte) bool { return bytes.HasPrefix(text, []byte(beginning+head)) }

// The processes of a trace, which are groups of rows.
const (
	theRun = 1 + iota
	theTasks
	theUsage // of tasks
)

// The threads of theRun, which are rows.
const (
	steps = 1 + iota
	pressure
	collections
	pauses
	results
	notices
)

// entry is an event of a trace. Times are µs from the run's start.
type entry struct {
	Name     string `json:"name,omitempty"`
	Phase    string `json:"ph"`
	Category string `json:"cat,omitempty"`
	Time     int64  `json:"ts"`
	Duration int64  `json:"dur,omitempty"`
	Process  int    `json:"pid"`
	Thread   int    `json:"tid"`
	ID       int    `json:"id,omitempty"`
	Scope    string `json:"s,omitempty"`  // of an instant
	Bind     string `json:"bp,omitempty"` // what a flow ends at
	Args     args   `json:"args,omitempty"`
}

type args map[string]any

// Write writes the trace of a run. It is complete unless writing fails.
func Write(w io.Writer, t *timeline.Timeline) error {
	out := bufio.NewWriter(w)
	tr := &writer{out: out, t: t}
	tr.heads()
	tr.attempts()
	tr.samples()
	tr.run()
	fmt.Fprint(out, "\n]\n")
	if tr.err != nil {
		return tr.err
	}
	return out.Flush()
}

type writer struct {
	out *bufio.Writer
	t   *timeline.Timeline
	any bool // something was written
	err error
}

func (w *writer) add(e entry) {
	text, err := json.Marshal(e)
	if err != nil { // of a number that is none
		w.err = err
		return
	}
	begin := ",\n"
	if !w.any {
		w.any, begin = true, beginning
	}
	_, _ = w.out.WriteString(begin)
	_, _ = w.out.Write(text) // Flush has its error
}

// at is a time as the trace has it.
func (w *writer) at(t time.Time) int64 { return t.Sub(w.t.Start).Microseconds() }

// slice is an entry that lasts from one time to another: for at least a microsecond, or it would
// not show.
func (w *writer) slice(name string, process, thread int, from, to time.Time, a args) entry {
	start := w.at(from)
	return entry{Name: name, Phase: "X", Time: start, Duration: max(1, w.at(to)-start), Process: process, Thread: thread, Args: a}
}

func (w *writer) instant(name string, thread int, at time.Time, a args) {
	w.add(entry{Name: name, Phase: "i", Time: w.at(at), Process: theRun, Thread: thread, Scope: "t", Args: a})
}

// name names a process, or a thread if it is not 0, and its place among the others.
func (w *writer) name(process, thread int, name string) {
	kind, place := "process", process
	if thread > 0 {
		kind, place = "thread", thread
	}
	w.add(entry{Name: kind + "_name", Phase: "M", Process: process, Thread: thread, Args: args{"name": name}})
	w.add(entry{Name: kind + "_sort_index", Phase: "M", Process: process, Thread: thread, Args: args{"sort_index": place}})
}

func (w *writer) heads() {
	w.name(theRun, 0, "heapmage "+w.t.Run.Target)
	w.name(theTasks, 0, "tasks")
	w.name(theUsage, 0, "memory of tasks")
	for i, name := range []string{"steps", "pressure", "garbage collections", "pauses", "known results", "notices"} {
		w.name(theRun, i+1, name)
	}
}

// lane is one that is free from start on, as a row in which no two slices overlap.
func (w *writer) lane(ends *[]int64, start, end int64) int {
	i := slices.IndexFunc(*ends, func(e int64) bool { return e <= start })
	if i < 0 {
		i = len(*ends)
		*ends = append(*ends, 0)
		w.name(theTasks, i+1, fmt.Sprintf("lane %d", i+1))
	}
	(*ends)[i] = end
	return i + 1
}

// category is that of attempts and of the flows between them.
const category = "task"

// placed is an attempt in its lane.
type placed struct {
	*timeline.Attempt
	task *timeline.Task
	entry
}

// attempts writes the attempts, their pauses and waits, and which had to end before which.
func (w *writer) attempts() {
	var all []*placed
	for n, t := range w.t.Tasks {
		for i := range t.Attempts {
			a := &t.Attempts[i]
			name := t.ID
			if a.Attempt > 1 {
				name = fmt.Sprintf("%s, attempt %d", t.ID, a.Attempt)
			}
			e := w.slice(name, theTasks, 0, a.Start, a.End, about(t, a))
			e.Category = category
			all = append(all, &placed{a, t, e})
		}
		for _, wait := range t.Waits {
			if from, to := w.at(wait.From), w.at(wait.To); to > from {
				text := "waits"
				if wait.For != "" {
					text += " for " + string(wait.For)
				}
				e := entry{Name: t.ID + " " + text, Category: "wait", ID: n + 1, Process: theTasks}
				e.Phase, e.Time = "b", from
				w.add(e)
				e.Phase, e.Time = "e", to
				w.add(e)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *placed) int { return a.Start.Compare(b.Start) })
	var ends []int64
	first, last := map[string]*placed{}, map[string]*placed{}
	for _, p := range all {
		p.Thread = w.lane(&ends, p.Time, p.Time+p.Duration)
		w.add(p.entry)
		w.frozen(p)
		if first[p.task.ID] == nil {
			first[p.task.ID] = p
		}
		last[p.task.ID] = p
	}
	flows := 0
	for _, t := range w.t.Tasks {
		for _, id := range t.After {
			from, to := last[id], first[t.ID]
			if from == nil || to == nil || from.Time+from.Duration > to.Time {
				continue
			}
			flows++
			// Perfetto binds an end of a flow to the slice around its time, the DevTools to one of
			// the same category that starts then: the starts of both attempts suit both.
			start := entry{Name: "after", Phase: "s", Category: category, ID: flows, Time: from.Time, Process: theTasks, Thread: from.Thread}
			end := entry{Name: "after", Phase: "f", Category: category, ID: flows, Time: to.Time, Process: theTasks, Thread: to.Thread, Bind: "e"}
			w.add(start)
			w.add(end)
		}
	}
}

// frozen writes the pauses of an attempt, inside of it.
func (w *writer) frozen(p *placed) {
	end := p.Time + p.Duration
	for _, f := range p.Frozen {
		w.instant("paused "+p.task.ID, pauses, f.From, args{"for": f.To.Sub(f.From).String()})
		e := w.slice("paused", theTasks, p.Thread, f.From, f.To, nil)
		e.Time = max(e.Time, p.Time)
		if e.Duration = min(e.Duration, end-e.Time); e.Duration > 0 {
			w.add(e)
		}
	}
}

// about is what a viewer shows of an attempt that is chosen.
func about(t *timeline.Task, a *timeline.Attempt) args {
	about := args{"task": t.ID, "package": t.Package, "script": t.Script, "attempt": a.Attempt, "need": a.Need.String(), "basis": a.Basis}
	if a.HeapLimit > 0 {
		about["heap limit"] = a.HeapLimit.String()
	}
	r := a.Result
	if r == nil {
		about["status"] = "unfinished"
		return about
	}
	about["status"], about["peak"], about["processor time"] = string(r.Status), r.Peak.String(), r.CPU.String()
	for name, text := range map[string]string{"cause": r.Cause, "reason": r.Reason, "hint": r.Hint, "signal": r.Signal, "log": r.Log} {
		if text != "" {
			about[name] = text
		}
	}
	if r.Status != event.Succeeded {
		about["exit code"] = r.ExitCode
	}
	return about
}

// samples writes the memory over time, in MB.
func (w *writer) samples() {
	counter := func(name string, process int, at time.Time, size memtools.Bytes) {
		w.add(entry{Name: name, Phase: "C", Time: w.at(at), Process: process, Args: args{"MB": float64(size/memtools.KB) / 1024}})
	}
	task := func(n int) string { return w.t.Tasks[n].ID }
	shown := map[int]bool{} // the tasks whose last figure is not zero
	for _, s := range w.t.Samples {
		counter("usage", theRun, s.At, s.Usage)
		counter("budget", theRun, s.At, s.Budget)
		now := map[int]bool{}
		for _, share := range s.Tasks {
			now[share.Task] = true
			counter(task(share.Task), theUsage, s.At, share.Usage)
		}
		for n := range w.t.Tasks {
			if shown[n] && !now[n] {
				counter(task(n), theUsage, s.At, 0)
			}
		}
		shown = now
	}
	if n := len(w.t.Samples); n > 0 { // or the last figure would last for ever
		counter("usage", theRun, w.t.End, w.t.Samples[n-1].Last)
		for i := range w.t.Tasks {
			if shown[i] {
				counter(task(i), theUsage, w.t.End, 0)
			}
		}
	}
}

// run writes what belongs to no attempt.
func (w *writer) run() {
	for _, s := range w.t.Steps {
		w.add(w.slice(s.Step, theRun, steps, s.From, s.To, args{"command": s.Command, "reason": s.Reason}))
	}
	for _, p := range w.t.Pressures {
		w.instant("pressure: "+p.Level.String(), pressure, p.At, args{"usage": p.Usage.String(), "budget": p.Budget.String()})
	}
	for _, c := range w.t.Collections {
		about := args{"trigger": string(c.Trigger), "duration": c.To.Sub(c.From).String()}
		if c.Result != nil {
			about["freed"], about["processes"] = c.Result.Freed.String(), len(c.Result.Processes)
		}
		w.instant("garbage collection", collections, c.From, about)
	}
	for _, t := range w.t.Tasks {
		if t.Known != nil {
			w.instant(t.ID+" is known", results, t.KnownAt, args{"written": t.Known.Written})
		}
	}
	for _, n := range w.t.Notices {
		w.instant(n.Text, notices, n.At, args{"kind": string(n.Kind), "task": n.Task, "hint": n.Hint})
	}
}
