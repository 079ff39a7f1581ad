package engine

import (
	"fmt"
	"io"

	"github.com/heapmage/heapmage/internal/diagnostics"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
)

// afterPause returns the outcome of an attempt that failed: once more, alone and without
// pauses, if pauses may be the reason, or else o.
func (a *attempt) afterPause(o schedule.Outcome, res runner.Result) (schedule.Outcome, event.Notice) {
	if !res.FailedAfterPause() || a.finished.PausedBefore > 0 || a.ctx.Err() != nil || a.logHas(diagnostics.AtEnd) {
		return o, event.Notice{}
	}
	o.Result, o.Alone, o.Paused, o.Need = schedule.Again, true, res.Frozen, max(a.grant.Need, res.Peak)
	return o, event.Notice{Kind: event.Retrying, Task: a.event.Label, Text: fmt.Sprintf("it was paused for %.2fs, which may be why it failed: trying again, alone and without pauses", res.Frozen.Seconds())}
}

// logHas reports whether the attempt's log has something. One that cannot be read has nothing.
func (a *attempt) logHas(something func(text io.ReaderAt, size int64) bool) (found bool) {
	a.state.Look(a.finished.Log, func(text io.ReaderAt, size int64) { found = something(text, size) })
	return found
}
