package planview

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/table"
)

// WriteHead writes what a plan's table has above it.
func (p *Plan) WriteHead(w io.Writer) {
	tasks := fmt.Sprintf("%d tasks", len(p.Tasks))
	if len(p.Tasks) == 1 {
		tasks = "1 task"
	}
	fmt.Fprintf(w, "Plan of %s: %s, %s\nWorkspace: %s (%s)\nBudget: %v (%s)\n\n",
		printable.Text(p.Target), tasks, p.atOnce(), printable.Text(p.Root), p.Manager, p.Budget, p.BudgetSource)
}

// atOnce puts the concurrency into words.
func (p *Plan) atOnce() string {
	switch p.Concurrency {
	case 0:
		return "as many at once as fit"
	case 1:
		return "one at a time"
	default:
		return fmt.Sprintf("at most %d at once", p.Concurrency)
	}
}

// WriteTable writes the tasks, each in a line no longer than width; zero cuts nothing.
func (p *Plan) WriteTable(w io.Writer, width int) error {
	columns := []table.Column{
		{Head: "TASK", Give: 1}, {Head: "NEED"}, {Head: "KNOWN FROM", Give: 2}, {Head: "TIME"}, {Head: "HEAP LIMIT"},
		{Head: "SCRIPT", Give: 3}, {Head: "AFTER", Give: 3, List: true},
	}
	known := slices.ContainsFunc(p.Tasks, func(t Task) bool { return t.Result != nil })
	if known {
		columns = slices.Insert(columns, 1, table.Column{Head: "RESULT", Give: 2})
	}
	at := p.number()
	title := func(id string) string { return p.Tasks[at[id]].title() }
	var rows [][]string
	for _, t := range p.Tasks {
		length, limit := "?", "-"
		if t.Length > 0 {
			length = seconds(t.Length)
		}
		if t.HeapLimit > 0 {
			limit = t.HeapLimit.String()
		}
		var after []string
		for _, id := range slices.Concat(t.After, t.AfterEnd) {
			after = append(after, title(id))
		}
		row := []string{t.title(), t.Need.String(), t.Basis, length, limit, t.Command, strings.Join(after, ", ")}
		if known {
			row = slices.Insert(row, 1, t.Result.text(title))
		}
		for i, cell := range row {
			row[i] = printable.Name(cell)
		}
		rows = append(rows, row)
	}
	return table.Write(w, width, columns, rows)
}
