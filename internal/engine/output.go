package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
)

// newConsole opens the console on standard output.
func newConsole(ctx context.Context, environ []string, show report.Show) *report.Console {
	return report.NewConsole(ctx, os.Stdout, colour(environ, os.Stdout), show)
}

// show prints on standard output what write writes.
func show(ctx context.Context, environ []string, write func(*report.Console) error) error {
	console := newConsole(ctx, environ, report.Held)
	err := write(console)
	return cmp.Or(err, console.Close())
}

// leave ends a command, whose outcome is err: it waits until its output was read. What
// cannot be printed changes no outcome; one line on standard error tells of it.
// record is where the output is kept, empty if nowhere.
func leave(ctx context.Context, console *report.Console, record string, err error) error {
	if refused := console.Close(); refused != nil {
		kept := ""
		if record != "" {
			kept = "; all of it is in " + record
		}
		fmt.Fprintf(report.Patient(ctx, os.Stderr), "⚠️  The output could not be printed to its end: %v%s\n", refused, kept)
	}
	if err == nil && ctx.Err() == nil {
		return nil
	}
	// Mage prints the error, and at an interrupt a line as well. It would wait forever
	// for a reader of stderr that has stopped reading.
	if !report.Ready(ctx, os.Stderr) {
		os.Exit(exitCode(err))
	}
	return err
}

func exitCode(err error) int {
	var known *problem.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &known):
		return known.ExitStatus()
	default:
		return problem.ExitFailed
	}
}
