package inspect

import (
	"context"
	"fmt"
	"os"

	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/timeline"
	"github.com/heapmage/heapmage/internal/trace"
)

// Trace writes the trace of a recorded run, the last one if run is empty, and prints where it
// is: in file, or in the run's folder if that is empty.
func Trace(ctx context.Context, run, file string) error {
	ws, err := workspaceHere()
	if err != nil {
		return err
	}
	recorded, id, err := timeline.Open(ws.Root, "-run", run)
	if err != nil {
		return err
	}
	_, shown, err := runFile{"trace.json", "memory:trace", trace.IsTrace}.write(ws, id, file, func(f *os.File) error { return trace.Write(f, recorded) })
	if err != nil {
		return err
	}
	return report.Print(ctx, os.Environ(), func(out *report.Console) error {
		fmt.Fprintf(out, "✅ Wrote the trace of run %s to %s\n", id, printable.Text(shown))
		return nil
	})
}
