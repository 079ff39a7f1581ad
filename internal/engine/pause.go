package engine

import (
	"fmt"
	"io"
	"time"

	"github.com/heapmage/heapmage/internal/diagnostics"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/memtools"
)

// pausedBefore is how long an earlier attempt at the task was frozen that failed, zero if
// there is none.
func pausedBefore(before []schedule.Outcome) (d time.Duration) {
	for _, o := range before {
		d = max(d, o.Paused)
	}
	return d
}

// afterPause returns the outcome of an attempt that failed: once more, alone and without
// pauses, if pauses may be the reason, or else o.
func (a *attempt) afterPause(o schedule.Outcome, res runner.Result) (schedule.Outcome, event.Notice) {
	if !res.FailedAfterPause() || a.finished.PausedBefore > 0 || a.ctx.Err() != nil || a.reportsErrors() {
		return o, event.Notice{}
	}
	o.Result, o.Alone, o.Paused, o.Need = schedule.Again, true, res.Frozen, max(a.grant.Need, res.Peak)
	return o, event.Notice{Kind: event.Retrying, Task: a.event.Label,
		Text: fmt.Sprintf("it was paused for %.2fs, which may be why it failed: trying again, alone and without pauses", res.Frozen.Seconds())}
}

// searched is how much of the end of a log is searched for errors in code.
const searched = int64(4 * memtools.MB)

// reportsErrors reports whether the attempt's output has errors in code.
func (a *attempt) reportsErrors() bool {
	log, err := a.state.Read(a.finished.Log)
	if err != nil {
		return false
	}
	defer log.Close()
	from := max(0, log.Size()-searched)
	found, _ := diagnostics.In(io.NewSectionReader(log, from, log.Size()-from)) // what cannot be read has none
	return found
}
