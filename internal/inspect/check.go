package inspect

import (
	"context"
	"os"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/growth"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
)

// Check compares what the tasks of the workspace took since an exported file was written with
// what they took before. If one has grown by more than maxGrowth, such as "20%", the error has
// the exit code problem.ExitGrown. It writes nothing.
func Check(ctx context.Context, file, maxGrowth string, asJSON, asMarkdown bool) error {
	percent, err := growth.ParsePercent(maxGrowth)
	if err != nil {
		return err
	}
	if asJSON && asMarkdown {
		return &problem.Error{Where: "-json -markdown", What: "a comparison has one form at a time", Hint: "leave out one of them"}
	}
	ws, store, err := historyHere(true)
	if err != nil {
		return err
	}
	text, err := folder.ReadFile(ws.Path(file))
	if err != nil {
		return &problem.Error{Where: file, What: "cannot be read", Cause: err, Hint: "memory:export writes such a file; commit it"}
	}
	base, left, err := store.ReadExport(file, text)
	if err != nil {
		return err
	}
	packages, now := map[string]bool{}, growth.Samples{}
	for _, p := range ws.All() {
		packages[p.Name] = true
	}
	for _, task := range store.Tasks() {
		now[task] = store.Samples(task)
	}
	found := growth.Compare(file, base, now, percent, func(task string) bool { return packages[packageOf(task)] })
	err = report.Print(ctx, os.Environ(), func(out *report.Console) error {
		switch {
		case asJSON:
			text, err := printable.JSON(found)
			_, _ = out.Write(text) // a reader that is gone is the console's error
			return err
		case asMarkdown:
			_, err := out.Write(found.Markdown())
			return err
		default:
			warn(out, left)
			return found.Write(out, report.Width())
		}
	})
	if err != nil {
		return err
	}
	return found.Err()
}
