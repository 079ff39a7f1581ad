package session

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
	"github.com/heapmage/heapmage/internal/runner"
)

// The reasons to end a session early.
var (
	errTerminated = errors.New("terminated")
	errDeadline   = errors.New("out of time (-t)")
)

// windDown is how long before Mage's deadline a session begins to end: Mage exits at
// once when the deadline comes, and ending every process takes up to 3 s.
const windDown = 3500 * time.Millisecond

// forced is how long Mage has to end at a second interrupt. It cannot if nobody reads
// what it prints then.
const forced = 200 * time.Millisecond

// Stoppable returns a context that is done when a session must end, with the reason as
// its cause: an interrupt, SIGTERM, SIGHUP, the loss of the mage launcher (which does
// not pass SIGTERM on), or Mage's deadline drawing near. A second interrupt ends this
// process; the reaper ends what it started. A stop by the terminal (Ctrl-Z) stops all
// that the session runs with it. Call release when the session has ended.
//
// Mage's deadline is by Mage's own clock, which goes on during a stop.
func Stoppable(ctx context.Context) (stoppable context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // else nohup started us
		signal.Notify(signals, syscall.SIGHUP)
	}
	var nearing *time.Timer
	if at, ok := ctx.Deadline(); ok {
		nearing = time.AfterFunc(max(0, time.Until(at)-windDown), func() { cancel(errDeadline) })
	}
	// Mage takes interrupts too, but prints before it cancels ctx, which a full pipe
	// delays for ever.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	released := make(chan struct{})
	var watchers sync.WaitGroup
	watchers.Go(func() {
		for again := false; ; again = true {
			select {
			case <-interrupts:
			case <-released:
				return
			}
			if again {
				time.Sleep(forced)
				os.Exit(problem.ExitInterrupted)
			}
			cancel(nil)
		}
	})
	watchers.Go(func() {
		select {
		case <-signals:
			cancel(errTerminated)
		case <-ctx.Done():
		}
	})
	watchers.Go(func() { obeyTerminal(released) })
	watchers.Go(func() {
		if proc.WatchParent(ctx) {
			cancel(errTerminated)
		}
	})
	return ctx, func() {
		cancel(nil)
		close(released)
		watchers.Wait()
		signal.Stop(signals)
		signal.Stop(interrupts)
		if nearing != nil {
			nearing.Stop()
		}
	}
}

// beforeStop is what the terminal's stop waits for.
var beforeStop struct {
	sync.Mutex
	do func() (after func())
}

// BeforeStop has f called before the terminal stops this process (Ctrl-Z), and what it returns
// once this process goes on. It replaces what was set before; nil means nothing.
func BeforeStop(f func() (after func())) {
	beforeStop.Lock()
	defer beforeStop.Unlock()
	beforeStop.do = f
}

// Exit returns the exit code of a session that ended early, and the reason. ctx is
// Stoppable's. If it is not done, the code is zero.
func Exit(ctx context.Context) (code int, reason string) {
	if ctx.Err() == nil {
		return 0, ""
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errTerminated):
		return problem.ExitTerminated, cause.Error()
	case errors.Is(cause, errDeadline), errors.Is(cause, runner.ErrOutdated):
		return problem.ExitFailed, cause.Error()
	default:
		return problem.ExitInterrupted, "interrupted"
	}
}
