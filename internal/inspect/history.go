package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/history"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/sources"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// ExportFile is the default name of an exported history.
const ExportFile = "heapmage-history.json"

// History prints what the last runs of each task took and what the next is
// expected to need.
func History(ctx context.Context) error {
	ws, store, err := historyHere(true)
	if err != nil {
		return err
	}
	packages, sizes := ws.All(), map[string]memtools.Bytes{}
	measured := sources.New(ws.Root, packages)
	measured.Measure(packages)
	for _, pkg := range packages {
		sizes[pkg.Name] = measured.Of(pkg)
	}
	return report.Print(ctx, os.Environ(), func(out *report.Console) error { return printHistory(out, store, sizes) })
}

func printHistory(out io.Writer, store *history.Store, sizes map[string]memtools.Bytes) error {
	tasks := store.Tasks()
	if len(tasks) == 0 {
		fmt.Fprintln(out, "Nothing is known yet: no task has run in this workspace")
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "TASK\tRUNS\tLAST\tPEAK\tTIME\tPROCESSOR\tHEAP LIMIT\tNEXT NEED")
	for _, t := range tasks {
		all := store.Samples(t)
		last := all[len(all)-1]
		limit := "-"
		if last.HeapLimit > 0 {
			limit = last.HeapLimit.String()
		}
		next := store.Predict(estimate.Question{Task: t, Tool: last.Tool, Sources: sizes[packageOf(t)], HeapLimit: last.HeapLimit})
		fmt.Fprintf(w, "%s\t%d\t%s\t%v\t%.2fs\t%.2fs\t%s\t%v\n", printable.Name(t), len(all), last.Outcome, last.Peak, last.Duration.Seconds(), last.CPU.Seconds(), limit, next.Need)
	}
	return w.Flush()
}

// packageOf is the name of a task's package.
func packageOf(task string) string {
	return task[:max(0, strings.LastIndex(history.WithoutArgs(task), "#"))]
}

// Export writes the history to a small file that can be committed, so that a new
// machine does not start without one.
func Export(_ context.Context, file string) error {
	ws, store, err := historyHere(true)
	if err != nil {
		return err
	}
	tasks := len(store.Tasks())
	if tasks == 0 {
		return &problem.Error{Where: rundir.History, What: "nothing is known yet", Hint: "run a build first"}
	}
	if err := store.Export(ws.Path(file)); err != nil {
		return &problem.Error{Where: file, What: "cannot be written", Cause: err, Hint: "name a file in a writable folder, and make room on its disk"}
	}
	fmt.Printf("✅ Wrote the history of %s to %s\n", printable.Count(tasks, "task"), printable.Text(file))
	return nil
}

// Import adds the samples of an exported file to the history.
func Import(_ context.Context, file string) error {
	ws, store, err := historyHere(false)
	if err != nil {
		return err
	}
	defer store.Close()
	text, err := folder.ReadFile(ws.Path(file))
	if err != nil {
		return &problem.Error{Where: file, What: "cannot be read", Cause: err, Hint: "memory:export writes such a file"}
	}
	in, err := store.Import(file, text)
	if known := (*problem.Error)(nil); err != nil && !errors.As(err, &known) {
		return &problem.Error{Where: rundir.Name, What: "cannot be written", Cause: err, Hint: "make the workspace's folder writable"}
	}
	if err != nil {
		return err
	}
	fmt.Printf("✅ Read the history of %s from %s\n", printable.Count(in.Tasks, "task"), printable.Text(file))
	warn(os.Stdout, in)
	return nil
}

// warn tells which samples of an exported file were left out.
func warn(out io.Writer, in history.Imported) {
	if in.Future > 0 {
		fmt.Fprintf(out, "⚠️  left out: %s dated in the future\n", printable.Count(in.Future, "run"))
	}
	if in.Absurd > 0 {
		fmt.Fprintf(out, "⚠️  left out: %s with a peak of more than 8 times the memory of this machine\n", printable.Count(in.Absurd, "run"))
	}
}

// historyHere opens the history of the workspace around the working folder.
func historyHere(readOnly bool) (*workspace.Workspace, *history.Store, error) {
	ws, err := workspaceHere()
	if err != nil {
		return nil, nil, err
	}
	limits, err := memtools.ReadLimits()
	if err != nil {
		limits = memtools.Limits{} // then every size is believed
	}
	store, err := history.Open(rundir.HistoryFile(ws.Root), history.Options{ReadOnly: readOnly, Machine: limits.Machine})
	if err != nil {
		return nil, nil, &problem.Error{Where: rundir.History, What: "cannot be read", Cause: err, Hint: "make it readable, or remove it"}
	}
	return ws, store, nil
}
