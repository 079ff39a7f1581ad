// Package report turns the events of a run into what people and programs read.
// Reporters decide nothing: they know only the events and their tally.
package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/heapmage/heapmage/internal/cilog"
	"github.com/heapmage/heapmage/internal/diagnostics"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/footer"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/memtools"
)

// Console writes the log of a run: the lines of docs/log.md, which scripts may
// grep. It is a tally.Reporter. Nothing but Close ever waits for its reader: what is
// not yet read waits in a bounded queue, scripts' output as places in the log files.
type Console struct {
	// OpenLog opens the log of a task, from any goroutine. It is set before the first
	// event; if it is not, logs are files.
	OpenLog func(path string) (rundir.Source, error)
	// CI is told what it can show better than the log does. It is set before the first event; nil
	// tells nothing.
	CI *cilog.Log

	queue  *queue
	show   Show
	paint  palette
	colour bool
	footer *footer.Footer // nil if there is none

	mu sync.Mutex // guards all below, and the order in the queue
	// dirty is set if the last live output did not end its line.
	dirty bool
	// foreign is set if the last line is a script's, which may have left its colours on.
	foreign bool
	// spaced is set if the last line written was blank.
	spaced bool
	// leftOut counts the lines that were left out since the last one.
	leftOut int
	// at is the time of the event that is written.
	at time.Time
}

// NewConsole writes to out, with colours if colour is set; emoji are always there.
// Once ctx is done, Close waits for a moment only. Close the console.
func NewConsole(ctx context.Context, out io.Writer, colour bool, show Show) *Console {
	return &Console{OpenLog: openLog, queue: newQueue(ctx, out), show: show, paint: newPalette(colour), colour: colour}
}

// Close waits until everything was read, or the reader is gone, which is no error.
// Nothing may be written any more.
func (c *Console) Close() error {
	if err := c.queue.end(); !errors.Is(err, syscall.EPIPE) {
		return err
	}
	return nil
}

// Write prints text that is no event's. It is never an error.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLine()
	c.queue.add(p)
	c.spaced = false
	return len(p), nil
}

// passing reports whether an event is about a state that passes. Such events come
// for as long as a run lasts, unlike those of its tasks.
func passing(e event.Event) bool {
	switch e.(type) {
	case event.Memory, event.Pressure, event.Correction, event.GCStarted, event.GCFinished:
		return true
	default:
		return false
	}
}

// Take writes the lines of the event, if it has any.
func (c *Console) Take(s event.Stamped, sum *tally.State) {
	if c.footer != nil {
		if lines, changed := c.footer.Take(s, sum); changed {
			c.queue.under(lines)
		}
	}
	switch s.Event.(type) {
	case event.RunPlanned, event.TaskQueued, event.Sample, event.Cgroups:
		return // nothing to show
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if full := c.queue.full(); full && passing(s.Event) {
		c.leftOut++
		return
	} else if !full {
		c.tellLeftOut()
	}
	c.at = s.Time
	switch e := s.Event.(type) {
	case event.RunStarted:
		c.line(c.paint.title, "🚀 Starting %s with memory management...", e.Target)
		c.blank()
	case event.Memory:
		c.line(c.paint.faint, "💾 Memory: %s", usage(e.Usage, e.Budget))
	case event.Notice:
		c.notice(e)
	case event.StepStarted:
		c.line(c.paint.title, "📥 %s: %s (%s)...", e.Step, e.Command, e.Reason)
	case event.StepFinished:
		c.stepFinished(e)
	case event.TaskStarted:
		v := verbFor(e.Target)
		c.line(c.paint.title, "%s%s: %s...", v.emoji, v.doing, e.Label)
		if e.Because != "" {
			c.line(c.paint.faint, "🔍 %s: %s", e.Label, e.Because)
		}
		if e.Budget > 0 {
			c.line(c.paint.faint, "💾 Memory: %s", usage(e.Usage, e.Budget))
		}
	case event.TaskKnown:
		if e.Log != "" {
			c.header(sum.Label(e.Task), true)
		}
		c.line(c.paint.good, "⚡ %s: %s %s, saved %s, %v", verbFor(e.Target).doing, e.Label, inPlace(e), seconds(e.Duration), e.Peak)
		if e.Log != "" {
			c.raw(c.CI.Known(e, sum.Label(e.Task)))
			c.whole(cilog.Output{Label: sum.Label(e.Task), Log: e.Log, Succeeded: true})
			c.blank()
		}
	case event.TaskFinished:
		c.taskFinished(e, sum)
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
		c.runFinished(e, sum)
	}
}

// raw writes lines for the CI system, with their ends.
func (c *Console) raw(lines string) {
	if lines == "" {
		return
	}
	c.endLine()
	c.queue.add([]byte(lines))
	c.spaced = false
}

// header begins a group where that lasts until the next: for the end of a task whose output may
// follow, or of the run.
func (c *Console) header(title string, succeeded bool) {
	if c.show == Held || c.show == Grouped || c.show == Errors && !succeeded {
		c.raw(c.CI.Header(title, !succeeded))
	}
}

// tellLeftOut tells how many lines about passing states were left out.
func (c *Console) tellLeftOut() {
	if n := c.leftOut; n > 0 {
		c.leftOut = 0
		c.line(c.paint.faint, "ℹ️  %s about memory left out: the output was not read", printable.Count(n, "line"))
	}
}

func (c *Console) notice(e event.Notice) {
	text := e.Text
	if e.Task != "" {
		text = e.Task + ": " + text
	}
	switch e.Kind {
	case event.ShortMemory, event.StillRunning, event.WorkspaceOdd, event.CycleBroken, event.StateDamaged, event.StateUnwritten,
		event.GCUnavailable, event.OwnOptions, event.OptionsDead, event.HistoryLost, event.GraphLarge, event.NotSent, event.GuardBlind, event.SharedUnused:
		c.line(c.paint.warning, "⚠️  %s", text)
	case event.Watching:
		c.blank()
		c.line(c.paint.title, "👀 %s", text)
	case event.SharedCache:
		c.line(c.paint.faint, "☁️  %s", text)
	case event.NothingToDo:
		c.line(c.paint.good, "✅ %s", text)
	case event.FilesChanged:
		c.line(c.paint.title, "🔁 %s", text)
	case event.Retrying:
		c.line(c.paint.warning, "🔁 %s", text)
	case event.OthersMemory:
		c.line(c.paint.warning, "⏳ %s", text)
	case event.HeapClamped, event.HeapRaised, event.OptionsMerged, event.RootFallback, event.RootLeftOut, event.DeclaredRead, event.TaskLeftOut, event.OrderLeftOut, event.RunsRunner, event.Selected, event.ResultNotKept, event.Unobserved, event.WritesItself, event.Sharded:
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
		c.raw(c.CI.Failed(e))
		if out := (cilog.Output{Label: e.Step, Log: e.Log, Took: e.Duration}); c.show == None {
			c.end(out, mostOfAFailure) // no task can tell
		} else {
			c.output(out)
		}
	}
	c.blank()
}

func (c *Console) taskFinished(e event.TaskFinished, sum *tally.State) {
	v := verbFor(e.Target)
	label := sum.Label(e.Task)
	again := e.Status == event.Stopped || e.Status == event.Outdated // its next attempt prints the same
	if !again {
		c.header(label, e.Status == event.Succeeded)
	}
	switch e.Status {
	case event.Succeeded:
		after := ""
		if e.PausedBefore > 0 {
			after = ", passed after a pause"
		}
		c.line(c.paint.good, "✅ %s: %s completed in %s%s", v.doing, e.Label, seconds(e.Duration), after)
	case event.Stopped:
		others := ""
		if e.ForOthers {
			others = " for other programs"
		}
		again := "runs again later"
		if !e.Retry {
			again = "cannot run again"
		}
		c.line(c.paint.warning, "⏹️  %s: %s stopped after %s to make room%s; it %s", v.doing, e.Label, seconds(e.Duration), others, again)
	case event.Outdated:
		c.line(c.paint.warning, "⏹️  %s: %s stopped after %s: files have changed", v.doing, e.Label, seconds(e.Duration))
	case event.Failed, event.OutOfMemory, event.TimedOut, event.Interrupted:
		c.line(c.paint.bad, "❌ %s: %s failed after %s: %s", v.doing, e.Label, seconds(e.Duration), e.Reason)
	}
	if e.Budget > 0 {
		peak := ""
		if sum.Run.Format != 1 && e.Peak > 0 { // runs of format 1 were printed without it
			peak = fmt.Sprintf(", peak of %s %v", e.Label, e.Peak)
		}
		c.line(c.paint.faint, "💾 Memory: %s%s", usage(e.Usage, e.Budget), peak)
	}
	if len(e.Curve) > 1 {
		c.line(c.paint.faint, "📉 Usage over %s: %s up to %v", seconds(e.Duration), tally.Sparkline(e.Curve), e.Peak)
	}
	c.raw(c.CI.Ended(e, label))
	if !again {
		c.output(cilog.Output{Label: label, Log: e.Log, Took: e.Duration, Succeeded: e.Status == event.Succeeded,
			Placed: e.Status == event.Failed && slices.ContainsFunc(e.Errors, func(f diagnostics.Finding) bool { return f.File != "" })})
	}
	if e.Hint != "" {
		c.line(c.paint.hint, "💡 %s", e.Hint)
	}
	c.blank()
}

// The most that is printed of a task's held output: the rest is in its log.
const (
	mostOutput     = 64 * memtools.KB
	mostOfAFailure = 8 * memtools.KB
)

// output prints the end of what a script wrote, unless it was printed as it came.
func (c *Console) output(out cilog.Output) {
	switch {
	case c.show == Grouped:
		c.whole(out)
	case c.show == Held && !out.Succeeded:
		c.end(out, mostOfAFailure)
	case c.show == Held, c.show == Errors && !out.Succeeded:
		c.end(out, mostOutput)
	}
}

// end prints the end of a log.
func (c *Console) end(out cilog.Output, most memtools.Bytes) {
	if out.Log == "" {
		return
	}
	c.endLine()
	e := &ending{source: source{console: c, log: out.Log, margin: c.CI.Margin(out)}, most: most}
	e.before, e.after = c.CI.Around(out, c.at)
	if c.queue.holds(int(most)) {
		c.queue.add(e.text()) // now: what a full disk kept from the log is lost soon
	} else {
		c.queue.push(e)
	}
	c.spaced, c.foreign = false, true
}

// whole prints a log from its beginning, with its label in front of its lines if they get one.
func (c *Console) whole(out cilog.Output) {
	if out.Log == "" {
		return
	}
	l, err := c.OpenLog(out.Log)
	if err != nil {
		c.end(out, mostOutput) // which tells why
		return
	}
	defer l.Close()
	if !l.Whole() {
		c.end(out, mostOutput)
		return
	}
	p := &part{source: &source{console: c, log: out.Log, margin: c.CI.Margin(out)}, to: l.Size()}
	before, after := "", ""
	if c.show == Labelled {
		p.source.label = labelOf(out.Label)
	} else {
		before, after = c.CI.Around(out, c.at)
	}
	if p.to > 0 {
		c.endLine()
		c.raw(before)
		c.queue.push(p)
		c.dirty, c.spaced = p.source.lines() == nil && !endsLine(l), false
		c.foreign = c.show != Labelled
		c.raw(after)
	}
}

// endsLine reports whether a log that is not empty ends with a line end.
func endsLine(log rundir.Source) bool {
	var last [1]byte
	_, err := log.ReadAt(last[:], log.Size()-1)
	return (err == nil || errors.Is(err, io.EOF)) && last[0] == '\n'
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

func (c *Console) runFinished(e event.RunFinished, sum *tally.State) {
	c.tellLeftOut()
	c.header(title(e.Target), false)
	c.raw(c.CI.Rest())
	if !c.spaced {
		c.blank()
	}
	if e.ExitCode != 0 && !e.Outdated {
		c.failures(sum)
	}
	switch {
	case e.Outdated:
		c.line(c.paint.warning, "⏹️  %s stopped: files have changed", title(e.Target))
	case e.ExitCode == 0:
		c.line(c.paint.good, "✅ %s completed successfully!", title(e.Target))
	default:
		c.line(c.paint.bad, "❌ %s failed!", title(e.Target))
	}
	c.line(c.paint.faint, "💾 Memory: %s", usage(e.Usage, e.Budget))
	for i, text := range Totals(e) {
		c.line(c.paint.faint, "%s %s", [...]string{"📊", "📈"}[i], text)
	}
	if e.Outdated {
		c.blank()
	}
}
