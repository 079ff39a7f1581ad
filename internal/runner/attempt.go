package runner

import (
	"context"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/clock"
)

// Attempt is the handle of one attempt at a task. It may freeze and thaw the attempt at
// any time, even before Run begins it and after it has ended. The zero value is ready.
// It may be used by many goroutines.
type Attempt struct {
	mu      sync.Mutex // guards all below
	process suspender  // of the step that runs; nil between two
	frozen  bool
	thawed  chan struct{} // closed by the next thaw; nil while it runs
	since   time.Time     // start of the current freeze
	total   time.Duration // of all earlier freezes
	ended   bool
}

// suspender is what an attempt runs.
type suspender interface {
	Suspend() error
	Resume() error
}

// Freeze suspends the attempt, which keeps its memory. On a system that cannot suspend
// processes (Windows) only the next step is held back.
func (a *Attempt) Freeze() { a.setFrozen(true) }

// Thaw lets a frozen attempt go on.
func (a *Attempt) Thaw() { a.setFrozen(false) }

func (a *Attempt) setFrozen(frozen bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ended {
		a.setFrozenLocked(frozen)
	}
}

func (a *Attempt) setFrozenLocked(frozen bool) {
	if a.frozen == frozen {
		return
	}
	a.frozen = frozen
	if frozen {
		a.since, a.thawed = clock.Now(), make(chan struct{})
	} else {
		a.total += clock.Since(a.since)
		close(a.thawed)
		a.thawed = nil
	}
	if a.process == nil {
		return
	}
	if frozen {
		_ = a.process.Suspend() // it has ended, or cannot be suspended
	} else {
		_ = a.process.Resume()
	}
}

// Refreeze freezes again what others may have let go on, as a shell's fg does.
func (a *Attempt) Refreeze() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.frozen && a.process != nil {
		_ = a.process.Suspend() // it has ended
	}
}

// End forgets the process and returns how long the attempt was frozen.
func (a *Attempt) End() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.setFrozenLocked(false)
	a.process, a.ended = nil, true
	return a.total
}

// frozenFor returns how long the attempt has been frozen so far.
func (a *Attempt) frozenFor() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.frozen {
		return a.total + clock.Since(a.since)
	}
	return a.total
}

// mayStart waits while the attempt is frozen, until ctx is done.
func (a *Attempt) mayStart(ctx context.Context) {
	a.mu.Lock()
	thawed := a.thawed
	a.mu.Unlock()
	if thawed == nil {
		return
	}
	select {
	case <-thawed:
	case <-ctx.Done():
	}
}

// Runs notes the process of the next step, which a frozen attempt suspends at once.
func (a *Attempt) Runs(p suspender) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.process = p
	if a.frozen {
		_ = p.Suspend() // it has ended, or cannot be suspended
	}
}

// minCheck is the least time between two checks of how much time an attempt has left:
// while it is frozen, that does not change.
const minCheck = 10 * time.Millisecond

// lastLook is how long an attempt whose time is up may still turn out to have ended.
// After this process itself was stopped, its end and the end of its time come at once.
const lastLook = 50 * time.Millisecond

// endAfter calls end once the attempt has run for d, unless ctx is done before. Pauses do
// not count, nor does the time for which this process was stopped.
func (a *Attempt) endAfter(ctx context.Context, d time.Duration, end func()) {
	began := clock.Now()
	timer := time.NewTimer(d)
	defer timer.Stop()
	for looked := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		left := d - (clock.Since(began) - a.frozenFor())
		switch {
		case left > 0:
			timer.Reset(max(left, minCheck))
		case !looked:
			looked = true
			timer.Reset(lastLook)
		default:
			end()
			return
		}
	}
}
