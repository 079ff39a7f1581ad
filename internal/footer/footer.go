// Package footer shows the state of a run under its log on a terminal: what runs, how full the
// budget is, and what waits. It knows the events and their tally only, reads no input, and changes
// no mode of the terminal. The log above it is what it would be without.
package footer

import (
	"fmt"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/table"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/memtools"
)

const (
	// pace is the least time between two footers. Samples come four times a second, but
	// more often while memory is short.
	pace = 240 * time.Millisecond
	// delay is how long a run lasts before it has a footer: that of one that has nothing
	// to do would only flash.
	delay = 500 * time.Millisecond
)

// The sizes of a footer. It takes half of the terminal's lines at most.
const (
	leastWidth  = 24 // of a terminal that gets one
	leastHeight = 4
	smallWidth  = 40 // below which it is one line
	smallHeight = 8  // up to which it is one line
	wide        = 60 // from which names have a width that seldom changes
	mostTasks   = 10 // that have a line each
	leastBar    = 10 // in characters
	mostBar     = 100
	mostCounts  = 3 // lines
)

// Paint colours a text.
type Paint func(text ...any) string

// Footer is the state of a run as it stands under the log.
type Footer struct {
	// Size is that of the terminal, in characters and lines. Both are zero while nothing may be
	// drawn there.
	Size func() (width, height int)
	// Marks are the shares of the budget from which usage is high.
	Marks memtools.Thresholds
	// Normal, Warning and Critical are for usage up to the first mark, the second, and above it.
	Normal, Warning, Critical Paint
	// Faint is for what is less important.
	Faint Paint

	began, drawn time.Time
}

// Take returns the lines after an event, and false if they stay as they are.
func (f *Footer) Take(s event.Stamped, sum *tally.State) (lines []string, changed bool) {
	switch s.Event.(type) {
	case event.RunStarted:
		f.began = s.Time
	case event.RunFinished:
		return nil, true
	case event.Sample:
		if s.Time.Sub(f.began) < delay || s.Time.Sub(f.drawn) < pace {
			return nil, false
		}
		f.drawn = s.Time
		width, height := f.Size()
		return f.layout(sum, s.Time, width, height), true
	}
	return nil, false
}

// layout returns the lines for a terminal of that size. None is wider; the last one is of ASCII.
func (f *Footer) layout(s *tally.State, now time.Time, width, height int) []string {
	if width < leastWidth || height < leastHeight {
		return nil
	}
	small := width < smallWidth || height <= smallHeight
	width-- // or the cursor of some terminals would be in the next line
	running := s.Running()
	if small {
		short := append([]string{amount(s.Usage) + " / " + amount(s.Budget), fmt.Sprintf("%d running", len(running))}, f.progress(s, now)...)
		return wrap(short, width)[:1]
	}
	counts := append(wrap(f.progress(s, now), width), wrap(waitingFor(s), width)...)
	counts = counts[:min(len(counts), mostCounts)]
	if s.Failed > 0 {
		failed := failedTasks(s)
		for i, line := range counts {
			counts[i] = strings.Replace(line, failed, f.Critical(failed), 1)
		}
	}
	lines := append(f.tasks(s, running, now, width, height/2-1-len(counts)), f.bar(s, width))
	return append(lines, counts...)
}

// tasks lists tasks that run in a number of lines at most.
func (f *Footer) tasks(s *tally.State, running []tally.Running, now time.Time, width, most int) []string {
	head := most > 3 && len(running) > 0
	if head {
		most--
	}
	if most = min(most, mostTasks+1); most <= 0 || len(running) == 0 {
		return nil
	}
	shown, others := running, []tally.Running(nil)
	if len(running) > most {
		shown, others = running[:most-1], running[most-1:]
	}
	name := "RUNNING"
	if width >= wide {
		name = fmt.Sprintf("%-24s", name) // so that columns seldom move
	}
	columns := []table.Column{{Head: name, Give: 1}, {Head: " MEMORY"}, {Head: "   NEED"}, {Head: "  TIME"}}
	row := func(name string, usage, need memtools.Bytes, took string) []string {
		return []string{name, fmt.Sprintf("%7s", amount(usage)), fmt.Sprintf("%7s", amount(need)), fmt.Sprintf("%6s", took)}
	}
	var rows [][]string
	for _, t := range shown {
		took := brief(now.Sub(t.Since))
		if t.Paused {
			took = "paused"
		}
		rows = append(rows, row(printable.Text(s.Label(t.Task)), t.Usage, t.Need, took))
	}
	if len(others) > 0 {
		var usage, need memtools.Bytes
		for _, t := range others {
			usage, need = usage+t.Usage, need+t.Need
		}
		rows = append(rows, row(fmt.Sprintf("and %d more", len(others)), usage, need, ""))
	}
	var text strings.Builder
	_ = table.Write(&text, width, columns, rows) // to memory
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	lines[0] = f.Faint(lines[0])
	for i, t := range shown {
		if t.Paused {
			lines[1+i] = f.Warning(lines[1+i])
		}
	}
	if !head {
		lines = lines[1:]
	}
	return lines
}

// The signs of the bar.
const (
	barUsed     = '█'
	barReserved = '░' // for tasks that run, and not used yet
	barFree     = ' '
	barMark     = '|' // where usage becomes high, and critical
)

// bar draws how much of the budget is used.
func (f *Footer) bar(s *tally.State, width int) string {
	text := fmt.Sprintf("%7s / %s (%d%%)", amount(s.Usage), amount(s.Budget), s.Usage.Percent(s.Budget))
	n := min(width-len(text)-len("[]"), mostBar)
	if n < leastBar {
		return strings.TrimLeft(text, " ")
	}
	upTo := func(b memtools.Bytes) int {
		return int(min(max(float64(b)/float64(max(s.Budget, 1)), 0), 1) * float64(n))
	}
	now, planned := upTo(s.Usage), upTo(s.Reserved())
	cells := make([]rune, n)
	for i := range cells {
		switch {
		case i < now:
			cells[i] = barUsed
		case i < planned:
			cells[i] = barReserved
		default:
			cells[i] = barFree
		}
	}
	for _, share := range []float64{f.Marks.Warning, f.Marks.Critical} {
		cells[min(int(share*float64(n)), n-1)] = barMark
	}
	level := f.Normal
	switch f.Marks.Level(s.Usage, s.Budget) {
	case memtools.Warning:
		level = f.Warning
	case memtools.Critical:
		level = f.Critical
	case memtools.Normal:
	}
	return "[" + level(string(cells[:now])) + f.Faint(string(cells[now:])) + "]" + text
}

// progress tells how far the run is, and how long it will take.
func (f *Footer) progress(s *tally.State, now time.Time) []string {
	done := fmt.Sprintf("%d of %d done", s.Succeeded, s.Run.Tasks)
	if s.Known > 0 {
		done += fmt.Sprintf(" (%d known)", s.Known)
	}
	parts := []string{brief(now.Sub(f.began)), done}
	if s.Failed > 0 {
		parts = append(parts, failedTasks(s))
	}
	if s.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", s.Skipped))
	}
	if left, ok := s.Left(now); ok {
		parts = append(parts, "about "+brief(coarse(left))+" left")
	}
	return parts
}

// waitingFor tells how many tasks wait, and for what.
func waitingFor(s *tally.State) (parts []string) {
	if s.Step != "" {
		return []string{"waiting for: " + s.Step}
	}
	turn := "a processor"
	if s.Run.Concurrency > 0 {
		turn = "their turn"
	}
	w, before := s.Waiting(), "waiting: "
	for _, of := range []struct {
		n    int
		what string
	}{{w.Memory, "memory"}, {w.Turn, turn}, {w.Order, "other tasks"}} {
		if of.n > 0 {
			parts = append(parts, fmt.Sprintf("%s%d for %s", before, of.n, of.what))
			before = ""
		}
	}
	return parts
}

func failedTasks(s *tally.State) string { return fmt.Sprintf("%d failed", s.Failed) }

// wrap joins parts to lines of at most width bytes.
func wrap(parts []string, width int) []string {
	var lines []string
	for _, part := range parts {
		part = part[:min(len(part), width)]
		if last := len(lines) - 1; last >= 0 && len(lines[last])+len(", ")+len(part) <= width {
			lines[last] += ", " + part
		} else {
			lines = append(lines, part)
		}
	}
	return lines
}

// amount is a size in whole MB.
func amount(b memtools.Bytes) string { return fmt.Sprintf("%.0fMB", float64(b)/float64(memtools.MB)) }

// brief is "48s", "2m05s" or "1h02m".
func brief(d time.Duration) string {
	switch d = d.Truncate(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	default:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
}

// coarse rounds a time up to what an estimate can promise.
func coarse(d time.Duration) time.Duration {
	step := 5 * time.Second
	switch {
	case d > 10*time.Minute:
		step = time.Minute
	case d > time.Minute:
		step = 10 * time.Second
	}
	return (d + step - 1).Truncate(step)
}
