package engine

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/proc"
)

// Why a run ends early.
var (
	errTerminated = errors.New("terminated")
	errDeadline   = errors.New("out of time (mage -t)")
)

// windDown is how long before Mage's deadline a run begins to end: Mage exits
// at once when the deadline comes, and ending every process takes up to 3 s.
const windDown = 3500 * time.Millisecond

// stoppable returns a context that is done when the run must end, with the
// reason as its cause: Mage's own interrupt, SIGTERM, the loss of the mage
// launcher (which does not pass SIGTERM on), or the nearing of Mage's deadline.
func stoppable(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	var nearing *time.Timer
	if at, ok := ctx.Deadline(); ok {
		nearing = time.AfterFunc(max(0, time.Until(at)-windDown), func() { cancel(errDeadline) })
	}
	var watchers sync.WaitGroup
	watchers.Go(func() {
		select {
		case <-signals:
			cancel(errTerminated)
		case <-ctx.Done():
		}
	})
	watchers.Go(func() {
		if proc.WatchParent(ctx) {
			cancel(errTerminated)
		}
	})
	return ctx, func() {
		cancel(nil)
		watchers.Wait()
		signal.Stop(signals)
		if nearing != nil {
			nearing.Stop()
		}
	}
}

// exitFor returns the exit code of a run that was ended early, and why; zero
// where it was not.
func exitFor(ctx context.Context) (int, string) {
	if ctx.Err() == nil {
		return 0, ""
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errTerminated):
		return problem.ExitTerminated, cause.Error()
	case errors.Is(cause, errDeadline):
		return problem.ExitFailed, cause.Error()
	default:
		return problem.ExitInterrupted, "interrupted"
	}
}
