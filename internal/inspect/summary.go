package inspect

import (
	"context"
	"fmt"
	"os"

	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/summary"
	"github.com/heapmage/heapmage/internal/timeline"
)

// Summary prints a run of the workspace around the working folder as Markdown, or writes it to a
// file. Without an id it is the last run.
func Summary(ctx context.Context, id, file string) error {
	ws, err := workspaceHere()
	if err != nil {
		return err
	}
	run, id, err := timeline.Open(ws.Root, "-run", id)
	if err != nil {
		return err
	}
	text := []byte(summary.Markdown(run))
	if file == "" {
		return report.Emit(ctx, os.Environ(), text, nil)
	}
	write := func(f *os.File) error {
		_, err := f.Write(text)
		return err
	}
	if err := create(ws.Path(file), write); err != nil {
		return &problem.Error{Where: file, What: "cannot be written", Cause: err, Hint: "name a file in a writable folder, and make room on its disk"}
	}
	return report.Print(ctx, os.Environ(), func(out *report.Console) error {
		_, err := fmt.Fprintf(out, "✅ Wrote the summary of run %s to %s\n", id, printable.Text(file))
		return err
	})
}
