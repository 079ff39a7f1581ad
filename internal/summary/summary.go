// Package summary tells of a run in Markdown, as it is shown for a step of GitHub Actions or in a
// comment: what failed and why, what each package took, and the memory over time. Its text is
// shorter than 512 KB, and no name of a package and no line of a script is markup in it.
package summary

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/internal/timeline"
	"github.com/heapmage/heapmage/memtools"
)

// The bounds of what is shown. What is left out is counted.
const (
	mostFailures = 20
	mostRows     = 100
	openRows     = 12 // a longer table is folded
	columns      = 60 // of the curve
)

// Markdown tells of a run.
func Markdown(t *timeline.Timeline) string {
	var b strings.Builder
	b.WriteString(head(t))
	b.WriteString(curve(t))
	b.WriteString(failures(t))
	b.WriteString(table(t))
	return b.String()
}

func head(t *timeline.Timeline) string {
	e := t.Totals
	sign, how := "✅", "succeeded"
	switch {
	case !t.Ended:
		sign, how = "⏳", "has not ended"
	case e.Outdated:
		sign, how = "⏹️", "stopped: files have changed"
	case e.ExitCode != 0:
		sign, how = "❌", "failed"
	}
	var counts []string
	for _, c := range []struct {
		n    int
		what string
	}{{e.Succeeded, "succeeded"}, {e.Failed, "failed"}, {e.Skipped, "skipped"}} {
		if c.n > 0 || c.what == "succeeded" {
			counts = append(counts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if e.Known > 0 {
		counts[0] += fmt.Sprintf(", %d of them known from before (%s saved)", e.Known, seconds(e.Saved))
	}
	took := e.Duration
	if !t.Ended {
		took = t.End.Sub(t.Start)
	}
	text := fmt.Sprintf("### %s %s %s\n\n%s in %s, peak **%v** of %v (%d %%)\n\n", sign, Code(cmp.Or(t.Run.Target, "run")), how,
		strings.Join(counts, ", "), seconds(took), e.Peak, e.Budget, e.Peak.Percent(e.Budget))
	ofTasks := e.Failed > 0 && (e.ExitCode == problem.ExitFailed || e.ExitCode == problem.ExitOutOfMemory)
	if e.ExitCode != 0 && e.Reason != "" && !ofTasks && !e.Outdated {
		text += "❌ " + prose(e.Reason) + "\n\n"
	}
	if t.Damage != "" {
		text += "The record can be read only in part: " + prose(t.Damage) + "\n\n"
	}
	return text
}

// curve draws the usage of the whole run. Any reader of Markdown shows it, unlike a diagram.
func curve(t *timeline.Timeline) string {
	length := t.End.Sub(t.Start)
	if len(t.Samples) < 2 || length <= 0 {
		return ""
	}
	points := make([]memtools.Bytes, min(columns, len(t.Samples)))
	for _, s := range t.Samples {
		at := min(int(int64(len(points))*int64(s.At.Sub(t.Start))/int64(length)), len(points)-1)
		points[at] = max(points[at], s.Usage)
	}
	for i := 1; i < len(points); i++ {
		if points[i] == 0 { // nothing was measured then
			points[i] = points[i-1]
		}
	}
	return block([]string{fmt.Sprintf("memory over %s: %s up to %v", seconds(length), tally.Sparkline(points), slices.Max(points))}) + "\n"
}

func failures(t *timeline.Timeline) string {
	var b strings.Builder
	n := 0
	for _, task := range t.Tasks {
		f := task.Result()
		if !failed(f) || f.Retry {
			continue
		}
		if n++; n > mostFailures {
			continue
		}
		fmt.Fprintf(&b, "**❌ %s: %s**\n\n", Code(task.LabelIn(t.Run.Target)), prose(f.Reason))
		if len(f.Errors) > 0 && f.Errors[0].File != "" {
			fmt.Fprintf(&b, "%s%s\n\n", Code(fmt.Sprintf("%s:%d", f.Errors[0].File, f.Errors[0].Line)), more(len(f.Errors)-1+f.MoreErrors, "more error"))
		}
		if len(f.Excerpt) > 0 {
			b.WriteString(block(f.Excerpt) + "\n")
		}
		if len(f.Curve) > 1 {
			b.WriteString(block([]string{fmt.Sprintf("its memory over %s: %s up to %v", seconds(f.Duration), tally.Sparkline(f.Curve), f.Peak)}) + "\n")
		}
		if f.Hint != "" {
			fmt.Fprintf(&b, "💡 %s\n\n", prose(f.Hint))
		}
	}
	if n > mostFailures {
		fmt.Fprintf(&b, "❌ and %d more\n\n", n-mostFailures)
	}
	return b.String()
}

// more is " and 2 more errors", empty if there are none.
func more(n int, what string) string {
	switch n {
	case 0:
		return ""
	case 1:
		return " and 1 " + what
	default:
		return fmt.Sprintf(" and %d %ss", n, what)
	}
}

func failed(f *event.TaskFinished) bool {
	return f != nil && (f.Status == event.Failed || f.Status == event.OutOfMemory || f.Status == event.TimedOut)
}

// row is a task in the table.
type row struct {
	rank             int // failures first
	took             time.Duration
	label, how       string
	time, peak, need string
}

func table(t *timeline.Timeline) string {
	rows := make([]row, 0, len(t.Tasks))
	for _, task := range t.Tasks {
		rows = append(rows, newRow(task, t))
	}
	if len(rows) == 0 {
		return ""
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(b.took, a.took)) })
	var b strings.Builder
	if len(rows) > openRows {
		fmt.Fprintf(&b, "<details><summary>%d packages</summary>\n\n", len(rows))
	}
	b.WriteString("| package | result | time | peak | need |\n|---|---|--:|--:|--:|\n")
	for _, r := range rows[:min(mostRows, len(rows))] {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", Code(r.label), r.how, r.time, r.peak, r.need)
	}
	if n := len(rows) - mostRows; n > 0 {
		fmt.Fprintf(&b, "\nand %d more, which took less time\n", n)
	}
	if len(rows) > openRows {
		b.WriteString("\n</details>\n")
	}
	return b.String()
}

func newRow(task *timeline.Task, t *timeline.Timeline) row {
	r := row{rank: 2, label: task.LabelIn(t.Run.Target), how: "has not run"}
	if n := len(task.Attempts); n > 0 {
		last := task.Attempts[n-1]
		r.rank, r.took, r.how, r.need = 1, last.End.Sub(last.Start), "runs", last.Need.String()
		if last.Basis == event.FromNothing || last.Basis == event.FromSimilar {
			r.need += " (guessed)"
		}
		if f := last.Result; f != nil {
			r.took, r.peak, r.how = f.Duration, f.Peak.String(), result(f)
			if failed(f) {
				r.rank = 0
			}
		}
		if n > 1 {
			r.how += fmt.Sprintf(", attempt %d", n)
		}
		r.time = seconds(r.took)
	}
	switch {
	case task.Known != nil:
		r.how, r.time, r.peak = "⚡ known", seconds(task.Known.Duration)+" saved", task.Known.Peak.String()
	case task.Skipped != nil && task.Skipped.Because != nil:
		r.how = "⏭️ skipped: " + Code(task.Skipped.Because.Label) + " failed"
	case task.Skipped != nil:
		r.how = "⏭️ skipped"
	}
	return r
}

func result(f *event.TaskFinished) string {
	switch f.Status {
	case event.Succeeded:
		return "✅"
	case event.OutOfMemory:
		return "❌ out of memory"
	case event.TimedOut:
		return "❌ timed out"
	case event.Interrupted, event.Outdated, event.Stopped:
		return "⏹️ stopped"
	default:
		return "❌ failed"
	}
}
func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }
