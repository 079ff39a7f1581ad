package inspect

import (
	"context"
	"fmt"
	"os"

	"github.com/heapmage/heapmage/internal/otlp"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/timeline"
	"github.com/heapmage/heapmage/internal/trace"
)

// Trace writes the trace of a recorded run, the last one if run is empty, and prints where it
// is: in file, or in the run's folder if that is empty. asOTLP writes what a collector of
// OpenTelemetry would be sent instead.
func Trace(ctx context.Context, run, file string, asOTLP bool) error {
	ws, err := workspaceHere()
	if err != nil {
		return err
	}
	recorded, id, err := timeline.Open(ws.Root, "-run", run)
	if err != nil {
		return err
	}
	kind := runFile{"trace.json", "memory:trace", trace.IsTrace}
	write := func(f *os.File) error { return trace.Write(f, recorded) }
	if asOTLP {
		kind = runFile{"otlp.jsonl", "memory:trace -otlp", otlp.IsFile}
		write = func(f *os.File) error {
			return otlp.Run{Timeline: recorded, Settings: otlp.ReadSettings(os.Environ())}.Write(f)
		}
	}
	_, shown, err := kind.write(ws, id, file, write)
	if err != nil {
		return err
	}
	return report.Print(ctx, os.Environ(), func(out *report.Console) error {
		fmt.Fprintf(out, "✅ Wrote the trace of run %s to %s\n", id, printable.Text(shown))
		return nil
	})
}
