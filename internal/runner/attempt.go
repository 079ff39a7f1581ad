package runner

import (
	"context"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/proc"
)

// attempts are the tasks that run now, by id. The zero value is ready.
type attempts struct {
	mu   sync.Mutex // guards all below, and every attempt
	byID map[string]*attempt
}

// attempt is one run of a task, which may be frozen.
type attempt struct {
	mu      *sync.Mutex
	process *proc.Process // of the step that runs; nil between two
	frozen  bool
	thawed  chan struct{} // closed by the next thaw; nil where it is not frozen
	since   time.Time
	total   time.Duration
}

// Expect has Freeze and Thaw act on the next attempt at a task from now on, and
// not only once Run has begun it.
func (as *attempts) Expect(id string) {
	as.mu.Lock()
	defer as.mu.Unlock()
	as.addLocked(id)
}

func (as *attempts) addLocked(id string) *attempt {
	if as.byID == nil {
		as.byID = map[string]*attempt{}
	}
	a := &attempt{mu: &as.mu}
	as.byID[id] = a
	return a
}

// begin returns the attempt that was expected, or a new one.
func (as *attempts) begin(id string) *attempt {
	as.mu.Lock()
	defer as.mu.Unlock()
	a := as.byID[id]
	if a == nil {
		a = as.addLocked(id)
	}
	return a
}

// endAfter calls end once the attempt has run for d, frozen times left out, unless
// ctx is done before.
func (a *attempt) endAfter(ctx context.Context, d time.Duration, end func()) {
	began := time.Now()
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		left := d - (time.Since(began) - a.frozenFor())
		if left <= 0 {
			end()
			return
		}
		timer.Reset(max(left, 10*time.Millisecond)) // while it is frozen nothing changes
	}
}

// frozenFor is for how long it has been frozen so far.
func (a *attempt) frozenFor() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.frozen {
		return a.total + time.Since(a.since)
	}
	return a.total
}

// finish forgets an attempt and returns for how long it was frozen.
func (as *attempts) finish(id string, a *attempt) time.Duration {
	as.mu.Lock()
	defer as.mu.Unlock()
	delete(as.byID, id)
	a.set(false)
	return a.total
}

// Freeze keeps a task from running; it keeps its memory. Nothing happens where
// it has ended. Where the system cannot (Windows) it runs on.
func (as *attempts) Freeze(id string) { as.setFrozen(id, true) }

// Thaw lets a frozen task go on.
func (as *attempts) Thaw(id string) { as.setFrozen(id, false) }

// Frozen reports whether a task is frozen.
func (as *attempts) Frozen(id string) bool {
	as.mu.Lock()
	defer as.mu.Unlock()
	a := as.byID[id]
	return a != nil && a.frozen
}

func (as *attempts) setFrozen(id string, frozen bool) {
	as.mu.Lock()
	defer as.mu.Unlock()
	if a := as.byID[id]; a != nil {
		a.set(frozen)
	}
}

// mayStart waits while the attempt is frozen, until ctx is done.
func (a *attempt) mayStart(ctx context.Context) {
	a.mu.Lock()
	thawed := a.thawed
	a.mu.Unlock()
	if thawed != nil {
		select {
		case <-thawed:
		case <-ctx.Done():
		}
	}
}

// runs notes the process of the next step; a frozen attempt's is frozen as well.
func (a *attempt) runs(p *proc.Process) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.process = p
	if a.frozen {
		_ = p.Suspend() // it has ended, or cannot be
	}
}

func (a *attempt) set(frozen bool) {
	if a.frozen == frozen {
		return
	}
	a.frozen = frozen
	if frozen {
		a.since, a.thawed = time.Now(), make(chan struct{})
	} else {
		a.total += time.Since(a.since)
		close(a.thawed)
		a.thawed = nil
	}
	if a.process == nil {
		return
	}
	if frozen {
		_ = a.process.Suspend() // it has ended, or cannot be
	} else {
		_ = a.process.Resume()
	}
}
