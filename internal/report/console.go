// Package report turns the events of a run into what people and programs read.
// Reporters decide nothing: all they know comes from the events.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/fatih/color"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

// Console writes the log of a run: the lines of docs/log.md, which scripts may
// grep. It is an event.Sink.
type Console struct {
	mu  sync.Mutex
	out io.Writer
	// live is true where the output of scripts is shown as it comes, because
	// nothing else runs beside it or because the user asked for it.
	live  bool
	paint palette
	// dirty is true where the last live output did not end its line.
	dirty bool
	// ended holds what a finished task still has to show under its memory line.
	ended map[string]event.TaskFinished
	// spaced is true where the last line written was blank.
	spaced bool
}

// NewConsole writes to out. Colours are used where colour is true; emoji are
// always there. live shows scripts' output as it comes.
func NewConsole(out io.Writer, colour, live bool) *Console {
	return &Console{out: out, live: live, paint: newPalette(colour), ended: map[string]event.TaskFinished{}}
}

// Take writes what the event has to show.
func (c *Console) Take(s event.Stamped) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := s.Event.(type) {
	case event.RunStarted:
		c.line(c.paint.title, "🚀 Starting %s with memory management...", e.Target)
		c.blank()
	case event.Memory:
		c.memory(e)
	case event.Notice:
		c.notice(e)
	case event.StepStarted:
		c.line(c.paint.title, "📥 %s: %s (%s)...", e.Step, e.Command, e.Reason)
	case event.StepFinished:
		c.stepFinished(e)
	case event.TaskStarted:
		v := verbFor(e.Target)
		c.line(c.paint.title, "%s%s: %s...", v.emoji, v.doing, e.Label)
	case event.TaskFinished:
		c.taskFinished(e)
	case event.TaskSkipped:
		c.line(c.paint.warning, "⏭️  Skipping %s", skipped(e))
	case event.Correction:
		c.correction(e)
	case event.Pressure:
		c.pressure(e)
	case event.GCStarted:
		c.line(c.paint.title, "♻️  Triggering garbage collection...")
	case event.GCFinished:
		c.gcFinished(e)
	case event.RunFinished:
		c.runFinished(e)
	}
}

func (c *Console) memory(e event.Memory) {
	c.line(c.paint.faint, "💾 Memory: %s", usage(e.Usage, e.Budget))
	if e.Moment != event.AfterTask {
		return
	}
	t, ok := c.ended[e.Task]
	delete(c.ended, e.Task)
	if ok {
		if len(t.Curve) > 1 {
			c.line(c.paint.faint, "📉 Usage over %s: %s up to %v", seconds(t.Duration), sparkline(t.Curve), t.Peak)
		}
		c.output(t.Log, t.Status == event.Succeeded)
		if t.Hint != "" {
			c.line(c.paint.hint, "💡 %s", t.Hint)
		}
	}
	c.blank()
}

func (c *Console) notice(e event.Notice) {
	text := e.Text
	if e.Task != "" {
		text = e.Task + ": " + text
	}
	switch e.Kind {
	case event.ShortMemory, event.StillRunning, event.WorkspaceOdd, event.CycleBroken, event.StateDamaged, event.StateUnwritten,
		event.GCUnavailable, event.OwnOptions, event.HistoryLost:
		c.line(c.paint.warning, "⚠️  %s", text)
	case event.Retrying:
		c.line(c.paint.warning, "🔁 %s", text)
	case event.HeapClamped, event.HeapRaised, event.OptionsMerged, event.RootFallback, event.RootLeftOut:
		c.line(c.paint.faint, "ℹ️  %s", text)
	}
	if e.Hint != "" {
		c.line(c.paint.hint, "💡 %s", e.Hint)
	}
}

func (c *Console) stepFinished(e event.StepFinished) {
	if e.Reason == "" {
		c.line(c.paint.good, "✅ %s completed in %s", e.Step, seconds(e.Duration))
	} else {
		c.line(c.paint.bad, "❌ %s failed after %s: %s", e.Step, seconds(e.Duration), e.Reason)
		c.output(e.Log, false)
	}
	c.blank()
}

func (c *Console) taskFinished(e event.TaskFinished) {
	v := verbFor(e.Target)
	switch e.Status {
	case event.Succeeded:
		c.line(c.paint.good, "✅ %s: %s completed in %s", v.doing, e.Label, seconds(e.Duration))
	case event.Stopped:
		c.line(c.paint.warning, "⏹️  %s: %s stopped after %s to make room; it runs again later", v.doing, e.Label, seconds(e.Duration))
		e.Log = "" // what it said stands again in its next attempt
	case event.Failed, event.OutOfMemory, event.TimedOut, event.Interrupted:
		c.line(c.paint.bad, "❌ %s: %s failed after %s: %s", v.doing, e.Label, seconds(e.Duration), e.Reason)
	}
	c.ended[e.ID] = e
}

// output shows what a script wrote and was not shown as it came.
func (c *Console) output(log string, whole bool) {
	if c.live || log == "" {
		return
	}
	most := 64 * memtools.KB
	if !whole {
		most = 8 * memtools.KB
	}
	text, earlier, err := tail(log, most)
	if err != nil {
		c.line(c.paint.warning, "⚠️  the output cannot be read: %v", err)
		return
	}
	if earlier > 0 {
		c.line(c.paint.faint, "… %v of earlier output in %s", earlier, log)
	}
	c.raw(text)
}

func (c *Console) correction(e event.Correction) {
	switch e.Action {
	case event.Paused:
		c.line(c.paint.warning, "⏸️  Pausing package: %s, which holds %v, to make room", e.Label, e.Held)
	case event.Resumed:
		c.line(c.paint.good, "▶️  Resuming package: %s", e.Label)
	}
}

func (c *Console) pressure(e event.Pressure) {
	switch e.Level {
	case memtools.Critical:
		c.line(c.paint.bad, "🚨 Critical memory usage: %d%% (%v / %v)", e.Usage.Percent(e.Budget), e.Usage, e.Budget)
	case memtools.Warning:
		c.line(c.paint.warning, "⚠️  High memory usage: %d%% (%v / %v)", e.Usage.Percent(e.Budget), e.Usage, e.Budget)
	case memtools.Normal:
	}
}

func (c *Console) gcFinished(e event.GCFinished) {
	failed := slices.DeleteFunc(slices.Clone(e.Processes), func(p event.GCProcess) bool { return p.Error == "" })
	if len(failed) > 0 && len(failed) == len(e.Processes) {
		c.line(c.paint.warning, "⚠️  GC failed: %s", failed[0].Error)
	} else {
		c.line(c.paint.good, "✅ GC complete. Freed %v", e.Freed)
	}
	c.line(c.paint.faint, "💾 Memory: %s", usage(e.Usage, e.Budget))
}

func (c *Console) runFinished(e event.RunFinished) {
	if !c.spaced {
		c.blank()
	}
	switch {
	case e.ExitCode == 0:
		c.line(c.paint.good, "✅ %s completed successfully!", title(e.Target))
	default:
		c.line(c.paint.bad, "❌ %s failed!", title(e.Target))
	}
	c.line(c.paint.faint, "💾 Memory: %s", usage(e.Usage, e.Budget))
	c.line(c.paint.faint, "📊 %s in %s, peak %s", tally(e), seconds(e.Duration), usage(e.Peak, e.Budget))
	if text := quality(e); text != "" {
		c.line(c.paint.faint, "📈 %s", text)
	}
}

// boundBy says what the lower bound of a run comes from.
var boundBy = map[string]string{"processors": "processor time", "memory": "memory", "order": "the longest chain of packages"}

// quality is how close a run came to what was possible, and what it took.
// Nothing is said of a run in which nothing could have been otherwise.
func quality(e event.RunFinished) string {
	var parts []string
	if e.Succeeded > 1 && e.Bound > 0 {
		parts = append(parts, fmt.Sprintf("%.2f times the lower bound of %s (%s)", float64(e.Tasks)/float64(e.Bound), seconds(e.Bound), boundBy[e.BoundBy]))
		if saved := e.Serial - e.Tasks; saved > 0 {
			parts = append(parts, seconds(saved)+" saved against one at a time")
		}
	}
	for _, n := range []struct {
		count int
		noun  string
	}{{e.Retries, "further attempt"}, {e.Pauses, "pause"}, {e.Collections, "GC"}} {
		if n.count > 0 {
			parts = append(parts, Plural(n.count, n.noun))
		}
	}
	if e.Unused > 0 && len(parts) > 0 {
		parts = append(parts, fmt.Sprintf("%v reserved but unused on average", e.Unused))
	}
	return strings.Join(parts, ", ")
}

// tally is "5 succeeded, 1 failed, 2 skipped", leaving out what is nought.
func tally(e event.RunFinished) string {
	parts := []string{Plural(e.Succeeded, "task") + " succeeded"}
	if e.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", e.Failed))
	}
	if e.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", e.Skipped))
	}
	return strings.Join(parts, ", ")
}

// Write shows a script's output as it comes.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live && len(p) > 0 {
		c.dirty = p[len(p)-1] != '\n'
		c.spaced = false
		// What a closed terminal or pipe refuses is lost; the log file has it all.
		_, _ = c.out.Write(p)
	}
	return len(p), nil
}

// raw writes text as it is and ends its last line.
func (c *Console) raw(text []byte) {
	if len(text) > 0 {
		_, _ = c.out.Write(text)
		c.dirty = text[len(text)-1] != '\n'
		c.spaced = false
		c.endLine()
	}
}

func (c *Console) line(paint *color.Color, format string, args ...any) {
	c.endLine()
	_, _ = fmt.Fprintln(c.out, paint.Sprintf(format, args...))
	c.spaced = false
}

func (c *Console) blank() {
	c.endLine()
	_, _ = fmt.Fprintln(c.out)
	c.spaced = true
}

// endLine ends a line that a script's output left open.
func (c *Console) endLine() {
	if c.dirty {
		_, _ = fmt.Fprintln(c.out)
		c.dirty = false
	}
}

// palette holds the colours of the log.
type palette struct{ title, good, bad, warning, hint, faint *color.Color }

func newPalette(colour bool) palette {
	paint := func(attributes ...color.Attribute) *color.Color {
		c := color.New(attributes...)
		if colour {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c
	}
	return palette{
		title:   paint(color.Bold),
		good:    paint(color.FgGreen),
		bad:     paint(color.FgRed, color.Bold),
		warning: paint(color.FgYellow),
		hint:    paint(color.FgCyan),
		faint:   paint(color.Faint),
	}
}
