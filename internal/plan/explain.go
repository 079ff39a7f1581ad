package plan

import (
	"fmt"
	"io"
	"path"
	"strings"
	"text/tabwriter"

	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

// Explain writes which file declares what of each task. results tells what is known of a
// task's result, in any number of lines. observed tells whether what tasks read is seen.
func (p *Plan) Explain(out io.Writer, observed bool, results func(*taskgraph.Task) []string) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, t := range p.Graph.Tasks {
		fmt.Fprintf(w, "\n%s\n", printable.Name(t.ID))
		fmt.Fprintf(w, "  script\t%s\t%s\n", printable.Name(t.Script), printable.Name(path.Join(t.Package.Dir, "package.json")))
		if len(t.Args) > 0 {
			writeLines(w, []declared.Line{{Key: "arguments", Value: strings.TrimSpace(scripttext.QuoteAll(t.Args)), From: "the command line"}})
		}
		writeLines(w, p.task(t.Package, t.Target).Explain(observed))
		for _, text := range results(t) {
			writeLines(w, []declared.Line{{Key: "result", Value: text, From: "heapmage"}})
		}
		for _, i := range t.Implied {
			writeLines(w, []declared.Line{{Key: "after", Value: i.Task.ID, From: "heapmage: " + i.Why}})
		}
	}
	if global := p.Declared.Explain(observed); len(global) > 0 {
		fmt.Fprintf(w, "\nall tasks\n")
		writeLines(w, global)
	}
	return w.Flush()
}

func writeLines(w io.Writer, lines []declared.Line) {
	for _, l := range lines {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", l.Key, printable.Name(l.Value), printable.Name(l.From))
	}
}
