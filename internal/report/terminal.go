package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/summary"
)

// Open opens the console on standard output.
func Open(ctx context.Context, environ []string, show Show) *Console {
	return NewConsole(ctx, os.Stdout, Colour(environ, os.Stdout), show)
}

// Print prints on standard output what write writes.
func Print(ctx context.Context, environ []string, write func(*Console) error) error {
	console := Open(ctx, environ, Held)
	err := write(console)
	return cmp.Or(err, console.Close())
}

// Leave ends a command, whose outcome is err and whose record is closed: it adds the run to the
// summary of the CI step, and waits until its output was read. What
// cannot be printed changes no outcome; one line on standard error tells of it.
// record is where the output is kept, empty if nowhere.
func Leave(ctx context.Context, console *Console, record string, err error) error {
	if console.CI != nil && console.run != "" {
		Complain(ctx, summary.Append(console.CI.Environ, console.root, console.run))
	}
	if refused := console.Close(); refused != nil {
		kept := ""
		if record != "" {
			kept = "; all of it is in " + record
		}
		fmt.Fprintf(patient(ctx, os.Stderr), "⚠️  The output could not be printed to its end: %v%s\n", refused, kept)
	}
	if err == nil && ctx.Err() == nil {
		return nil
	}
	// Mage prints the error, and at an interrupt a line as well. It would wait forever
	// for a reader of stderr that has stopped reading.
	if !ready(ctx, os.Stderr) {
		os.Exit(exitCode(err))
	}
	return err
}

// Complain prints an error, if it is one, on standard error as Mage does, for a command that goes
// on. It waits for the reader until ctx is done.
func Complain(ctx context.Context, err error) {
	if err == nil {
		return
	}
	fmt.Fprintf(patient(ctx, os.Stderr), "Error: %v\n", err)
}

// Say prints a notice on standard output, outside of any run.
func Say(ctx context.Context, environ []string, n event.Notice) error {
	return Print(ctx, environ, func(c *Console) error {
		c.Take(event.Stamped{Event: n}, nil)
		return nil
	})
}

// Emit prints a text for a program on standard output, and nothing else there. Notices go to
// standard error.
func Emit(ctx context.Context, environ []string, text []byte, notices []event.Notice) error {
	beside := NewConsole(ctx, os.Stderr, Colour(environ, os.Stderr), Held)
	for _, n := range notices {
		beside.Take(event.Stamped{Event: n}, nil)
	}
	err := Print(ctx, environ, func(c *Console) error {
		_, err := c.Write(text)
		return err
	})
	return cmp.Or(err, beside.Close())
}

// Width is how many characters a line of standard output has, zero if it is no terminal.
func Width() int {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return width
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
