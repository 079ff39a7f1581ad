package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/heapmage/heapmage/internal/history"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// ExportFile is the name of an exported history where the user gives none.
const ExportFile = "heapmage-history.json"

// History prints what the last runs of each task took and what the next is
// expected to need.
func History(context.Context) error {
	ws, store, err := historyHere()
	if err != nil {
		return err
	}
	p := &prepared{ws: ws}
	p.measureSources(p.everyPackage())
	sources := map[string]memtools.Bytes{}
	for pkg, size := range p.sources {
		sources[pkg.Name] = size
	}
	tasks := store.Tasks()
	if len(tasks) == 0 {
		fmt.Println("Nothing is known yet: no task has run in this workspace")
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "TASK\tRUNS\tLAST\tPEAK\tTIME\tPROCESSOR\tHEAP LIMIT\tNEXT NEED")
	for _, t := range tasks {
		all := store.Samples(t)
		last := all[len(all)-1]
		limit := "-"
		if last.HeapLimit > 0 {
			limit = last.HeapLimit.String()
		}
		next := store.Predict(history.Question{Task: t, Tool: last.Tool, Sources: sources[t[:max(0, strings.LastIndex(t, "#"))]], HeapLimit: last.HeapLimit})
		fmt.Fprintf(w, "%s\t%d\t%s\t%v\t%.2fs\t%.2fs\t%s\t%v\n", t, len(all), last.Outcome, last.Peak, last.Duration.Seconds(), last.CPU.Seconds(), limit, next.Need)
	}
	return w.Flush()
}

// Export writes what is known to a small file that can be committed, so that a
// machine without history begins with it.
func Export(_ context.Context, file string) error {
	ws, store, err := historyHere()
	if err != nil {
		return err
	}
	if len(store.Tasks()) == 0 {
		return &problem.Error{Where: filepath.Join(stateDir, "history.jsonl"), What: "nothing is known yet", Hint: "run a build first"}
	}
	path := inside(ws, file)
	out, err := os.CreateTemp(filepath.Dir(path), ".heapmage-history-*")
	if err != nil {
		return &problem.Error{Where: file, What: "cannot be written", Cause: err, Hint: "name a file in a folder that is there and writable"}
	}
	defer os.Remove(out.Name())
	err = store.Export(out)
	if err == nil {
		err = out.Chmod(0o644)
	}
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(out.Name(), path)
	}
	if err != nil {
		return &problem.Error{Where: file, What: "cannot be written", Cause: err, Hint: "is there room on the disk?"}
	}
	fmt.Printf("✅ What is known of %s is in %s\n", report.Plural(len(store.Tasks()), "task"), file)
	return nil
}

// Import adds what such a file holds to what is known here.
func Import(_ context.Context, file string) error {
	ws, store, err := historyHere()
	if err != nil {
		return err
	}
	path := inside(ws, file)
	in, err := os.Open(path)
	if err != nil {
		return &problem.Error{Where: file, What: "cannot be read", Cause: err, Hint: "memory:export writes such a file"}
	}
	defer in.Close()
	if err := ignore(filepath.Join(ws.Root, stateDir)); err != nil {
		return &problem.Error{Where: stateDir, What: "cannot be written", Cause: err, Hint: "make the workspace's folder writable"}
	}
	n, err := store.Import(in)
	if err != nil {
		return err
	}
	fmt.Printf("✅ %s known from %s\n", report.Plural(n, "task"), file)
	return nil
}

// inside is a file that the user names, from the workspace's root where its path
// is relative.
func inside(ws *workspace.Workspace, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(ws.Root, file)
}

func historyHere() (*workspace.Workspace, *history.Store, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, nil, err
	}
	ws, err := workspace.Load(dir)
	if err != nil {
		return nil, nil, err
	}
	store, err := history.Open(historyFile(ws.Root))
	if err != nil {
		return nil, nil, &problem.Error{Where: filepath.Join(stateDir, "history.jsonl"), What: "cannot be read", Cause: err, Hint: "make it readable, or remove it"}
	}
	return ws, store, nil
}
