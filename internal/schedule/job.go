package schedule

import (
	"context"
	"time"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

// Job is one task as the scheduler sees it.
type Job struct {
	// ID names the job. A job that has not ended keeps its ID to itself: another
	// with that ID is dropped without a word, and the first stands for both. Once
	// the first has ended, its ID may come again as a new job.
	ID string
	// After are the IDs of the jobs that must succeed first. If one of them failed
	// or was skipped, or was never heard of, the job is skipped.
	After []string
	// Follows are the IDs of further jobs that must have ended first, no matter how. One
	// that was never heard of holds nothing up.
	Follows []string
	// Fragile is set if a pause may make it fail, as a test that has time limits.
	// Others are frozen before it.
	Fragile bool
	// Once is set if it must not run twice, as a script with side effects: its attempt may
	// be frozen, but is not stopped to run again. If nothing else is left it is ended,
	// and has failed.
	Once bool
	// Lasting is set if it runs until someone ends it, as a server. It starts as soon as
	// its order allows, holds what it uses and neither need nor slot, and takes no part
	// in the corrections: it is ended only when nothing else is left to end.
	Lasting bool
	Estimate
}

// Estimate is what a job is expected to take.
type Estimate struct {
	// Need is the memory to reserve while it runs.
	Need memtools.Bytes
	// Length is how long it runs. Zero means unknown.
	Length time.Duration
	// Cores is how many processors it keeps busy. Zero means unknown, and counts as 1.
	Cores float64
}

// Grant allows one attempt at a job.
type Grant struct {
	// Job has in Need what is reserved, which may be more than was estimated.
	Job
	// Attempt counts from 1.
	Attempt int
	// Alone is true if nothing else will run beside it, unless Options.HiddenWaits has
	// something start that it may be waiting for.
	Alone bool
	// Room is what it may use without taking what is reserved for others now. Zero
	// means that memory bounds nothing.
	Room memtools.Bytes
	// Before are the outcomes of the job's earlier attempts, the oldest first. It
	// must not be changed.
	Before []Outcome
}

// PausedBefore is how long an earlier attempt was frozen that failed, zero if there is none.
func (g Grant) PausedBefore() (d time.Duration) {
	for _, o := range g.Before {
		d = max(d, o.Paused)
	}
	return d
}

// Starter begins one attempt and returns at once. ctx is that of Run.
type Starter func(ctx context.Context, g Grant) Attempt

// Attempt is one running attempt at a job. Its methods return at once, and may be
// called after it has ended.
type Attempt interface {
	// Freeze stops it from running. It keeps its memory.
	Freeze()
	// Thaw lets it go on.
	Thaw()
	// Stop ends it to make room.
	Stop(why Stop)
	// Done yields exactly one Outcome. A channel that is closed without one counts
	// as a failure.
	Done() <-chan Outcome
}

// Stop is why an attempt is stopped.
type Stop int

// The reasons.
const (
	ForTasks   Stop = iota // others of the run need the room; Again is expected
	ForOthers              // other programs hold the memory; Again is expected
	ForSmaller             // jobs that need less wait for room and go first; Again is expected, or it has failed
	AsLast                 // nothing else is left to stop; it has failed
)

// Result is how an attempt ended.
type Result int

// The results.
const (
	Done   Result = iota // what depends on it may start
	Failed               // what depends on it is skipped
	Again                // another attempt is wanted
)

// Outcome is what an attempt hands back.
type Outcome struct {
	Result Result
	// Need is what another attempt needs at least. Zero leaves the estimate.
	Need memtools.Bytes
	// HeapLimit is the heap limit that another attempt is to get. Zero leaves the
	// choice. The scheduler only hands it on, in Grant.Before.
	HeapLimit memtools.Bytes
	// Alone wants nothing beside the next attempt.
	Alone bool
	// Plain wants nothing preloaded into the Node processes of the attempts that follow.
	// The scheduler only hands it on, in Grant.Before.
	Plain bool
	// Paused is how long the attempt was frozen, if that may be why it failed: another
	// attempt is not frozen then.
	Paused time.Duration
	// ForOthers is set if it lacked memory that other programs held. Another attempt waits
	// until they leave room for Need.
	ForOthers bool
	// Cause is why the attempt ended. It may be empty if it succeeded. The
	// scheduler only hands it on, in Grant.Before.
	Cause oom.Cause
}
