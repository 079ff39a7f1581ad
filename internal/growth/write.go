package growth

import (
	"fmt"
	"io"
	"strings"

	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/summary"
	"github.com/heapmage/heapmage/internal/table"
)

// mostRows is how many tasks a table of Markdown has: a comment on GitHub has at most 65,536
// characters.
const mostRows = 50

// mostNames is how many tasks are named of those that cannot be compared.
const mostNames = 10

var columns = []table.Column{{Head: "TASK"}, {Head: "BEFORE"}, {Head: "AFTER"}, {Head: "GROWTH"}, {Head: "NOTE", Give: 1}}

// rows are the tasks that have something to compare. The names are as they are.
func (r *Report) rows() (rows [][]string) {
	for _, t := range r.Tasks {
		if t.State != Grown && t.State != Within && t.State != Unclear {
			continue
		}
		row := []string{t.Task, "-", t.After.String(), "-", strings.Join(append(t.Changes, t.Reason), ", ")}
		if t.AtLeast {
			row[2] = "≥ " + row[2]
		}
		if t.Before > 0 {
			row[1] = t.Before.String()
			row[3] = fmt.Sprintf("%+.1f%%", t.growth())
		}
		if t.State == Grown {
			row[3] += " 🚨"
		}
		row[4] = strings.TrimSuffix(row[4], ", ")
		rows = append(rows, row)
	}
	return rows
}

// Write writes the report for people, in lines no longer than width; zero cuts nothing.
func (r *Report) Write(w io.Writer, width int) error {
	rows := r.rows()
	for _, row := range rows {
		row[0], row[4] = printable.Name(row[0]), printable.Text(row[4])
	}
	if len(rows) > 0 {
		if err := table.Write(w, width, columns, rows); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	for _, line := range r.others(printable.Name) {
		fmt.Fprintf(w, "ℹ️  %s\n", line)
	}
	_, err := fmt.Fprintln(w, r.verdict())
	return err
}

// Markdown returns the report as GitHub shows it. A name is text there and nothing more.
func (r *Report) Markdown() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "**Memory** beside %s\n\n", summary.Code(r.Base))
	if rows := r.rows(); len(rows) > 0 {
		b.WriteString("| Task | Before | After | Growth | Note |\n|---|---:|---:|---:|---|\n")
		for _, row := range rows[:min(mostRows, len(rows))] {
			note := ""
			if row[4] != "" {
				note = summary.Code(row[4])
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", summary.Code(row[0]), row[1], row[2], row[3], note)
		}
		if more := len(rows) - mostRows; more > 0 {
			fmt.Fprintf(&b, "\n%d more tasks grew less.\n", more)
		}
		b.WriteString("\n")
	}
	for _, line := range r.others(summary.Code) {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	fmt.Fprintf(&b, "\n%s\n", r.verdict())
	return []byte(b.String())
}

// others are lines about the tasks that cannot be compared.
func (r *Report) others(name func(string) string) (lines []string) {
	for _, s := range []struct {
		State
		text string
	}{{New, "New, with nothing to compare: "}, {NotRun, "Not run since: "}, {Gone, "Gone: "}} {
		var names []string
		tasks := r.in(s.State)
		for _, t := range tasks[:min(mostNames, len(tasks))] {
			names = append(names, name(t.Task))
		}
		if more := len(tasks) - mostNames; more > 0 {
			names = append(names, fmt.Sprintf("%d more", more))
		}
		if len(names) > 0 {
			lines = append(lines, s.text+strings.Join(names, ", "))
		}
	}
	return lines
}

// verdict is the last line.
func (r *Report) verdict() string {
	grown, within := len(r.in(Grown)), len(r.in(Within))
	limit := fmt.Sprintf("by more than %g%% and %s", r.MaxGrowth, r.Floor.Short())
	switch {
	case grown > 0:
		return fmt.Sprintf("🚨 %d of %d tasks grew %s", grown, grown+within, limit)
	case within == 0:
		return "⚠️  Nothing could be compared: run the tasks first; results that are known do not count"
	case within == 1:
		return "✅ The only task did not grow " + limit
	default:
		return fmt.Sprintf("✅ None of %d tasks grew %s", within, limit)
	}
}
