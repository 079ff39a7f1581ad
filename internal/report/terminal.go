package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"golang.org/x/term"

	"github.com/heapmage/heapmage/ci"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/footer"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// Open opens the console on standard output.
func Open(ctx context.Context, env []string, show Show) *Console {
	return NewConsole(ctx, os.Stdout, Colour(env, os.Stdout), show)
}

// ShowState has the state of the run stand under the log on standard output, if that is a
// terminal that people look at and that can draw it, and reports whether it is. Usage is high
// from marks on. onDeath is told at once and at each change what is to be written there if this
// process is killed: nothing unless the state stands there, as another program may have the terminal
// by then. ShowState comes before the first event.
func (c *Console) ShowState(env []string, marks memtools.Thresholds, onDeath func(text string)) bool {
	get := func(name string) string { return environ.Value(env, name) }
	if t := get(environ.Term); t == "" || t == "dumb" || ci.Detect(get) != ci.None || !inForeground(os.Stdout) {
		return false
	}
	onDeath("")
	standing := func(on bool) {
		if on {
			onDeath(footer.EraseBelow)
		} else {
			onDeath("")
		}
	}
	c.showState(marks, standing, func() (width, height int) {
		if inForeground(os.Stdout) {
			width, height, _ = term.GetSize(int(os.Stdout.Fd()))
		}
		return width, height
	})
	return true
}

// showState has the state of the run stand under the log of a terminal of that size, if it is
// not zero. standing is told whether it stands there, unless it is nil.
func (c *Console) showState(marks memtools.Thresholds, standing func(on bool), size func() (width, height int)) {
	var wide, high atomic.Int64 // the terminal for which the lines were made
	c.queue.onScreen(func() int {
		width, height := size()
		if int64(width) < wide.Load() || int64(height) < high.Load() {
			return 0 // they could scroll a smaller one: none stand there until others are made
		}
		return width
	}, standing)
	marks.Warning = cmp.Or(marks.Warning, memtools.DefaultThresholds.Warning)
	marks.Critical = cmp.Or(marks.Critical, memtools.DefaultThresholds.Critical)
	c.footer = &footer.Footer{
		Size: func() (width, height int) {
			width, height = size()
			wide.Store(int64(width))
			high.Store(int64(height))
			return width, height
		},
		Marks:  marks,
		Normal: c.paint.good.Sprint, Warning: c.paint.warning.Sprint, Critical: c.paint.bad.Sprint, Faint: c.paint.faint.Sprint,
	}
}

// HideState removes the state of the run from the terminal, until show is called. It returns
// once that is done, or the terminal takes nothing.
func (c *Console) HideState() (show func()) {
	c.queue.keepClear(true)
	c.queue.settle()
	return func() { c.queue.keepClear(false) }
}

// Print prints on standard output what write writes.
func Print(ctx context.Context, env []string, write func(*Console) error) error {
	console := Open(ctx, env, Held)
	err := write(console)
	return cmp.Or(err, console.Close())
}

// Leave ends a command, whose outcome is err: it waits until its output was read. What
// cannot be printed changes no outcome; one line on standard error tells of it.
// record is where the output is kept, empty if nowhere.
func Leave(ctx context.Context, console *Console, record string, err error) error {
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
func Say(ctx context.Context, env []string, n event.Notice) error {
	return Print(ctx, env, func(c *Console) error {
		c.Take(event.Stamped{Event: n}, nil)
		return nil
	})
}

// Emit prints a text for a program on standard output, and nothing else there. Notices go to
// standard error.
func Emit(ctx context.Context, env []string, text []byte, notices []event.Notice) error {
	beside := NewConsole(ctx, os.Stderr, Colour(env, os.Stderr), Held)
	for _, n := range notices {
		beside.Take(event.Stamped{Event: n}, nil)
	}
	err := Print(ctx, env, func(c *Console) error {
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
