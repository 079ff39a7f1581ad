package engine

import (
	"fmt"

	"github.com/heapmage/heapmage/internal/diagnostics"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
)

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

// reportsErrors reports whether the attempt's output has errors in code.
func (a *attempt) reportsErrors() bool {
	log, err := a.state.Read(a.finished.Log)
	if err != nil {
		return false
	}
	defer log.Close()
	return diagnostics.AtEnd(log, log.Size())
}
