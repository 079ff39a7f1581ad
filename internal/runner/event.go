package runner

import (
	"fmt"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools/oom"
)

// Event returns how the attempt ended; the caller fills in the task. err is Run's: with
// an error the attempt has failed, whatever its processes did.
func (r Result) Event(err error) event.TaskFinished {
	f := event.TaskFinished{
		Duration: r.Duration, Frozen: r.Frozen, CPU: r.CPU, Peak: r.Peak,
		Status: r.status(), Cause: string(r.Verdict.Cause), ExitCode: r.ExitCode, Signal: r.Signal,
	}
	switch {
	case err != nil:
		f.Status, f.Cause, f.ExitCode = event.Failed, string(oom.Failure), -1
		f.Reason, f.Hint, _ = strings.Cut(err.Error(), "\n💡 ")
	case f.Status == event.Stopped:
		f.Reason, f.ForOthers = r.Verdict.Reason(), r.ForOthers // nothing for the user to do
	case f.Status != event.Succeeded:
		f.Reason, f.Hint = r.Verdict.Reason(), r.Verdict.Advice
	}
	if r.FailedAfterPause() && err == nil {
		f.Reason += fmt.Sprintf(", after a pause of %.2fs", r.Frozen.Seconds())
	}
	return f
}

// longPause is the time in pauses from which they may be why an attempt failed: a test
// that takes a second often has five.
const longPause = time.Second

// FailedAfterPause reports whether the attempt failed, for another reason than memory,
// after it was frozen for so long that this may be the reason.
func (r Result) FailedAfterPause() bool {
	return r.Frozen > longPause && r.status() == event.Failed && r.Verdict.Cause != oom.CommandNotFound && r.Verdict.Cause != oom.NotExecutable
}

func (r Result) status() event.Status {
	v := r.Verdict
	switch {
	case v.Success():
		return event.Succeeded
	case v.Cause == oom.Interrupted && r.outdated:
		return event.Outdated
	case v.Cause == oom.Interrupted:
		return event.Interrupted
	case v.Cause == oom.Timeout:
		return event.TimedOut
	case v.Memory() && r.MadeRoom:
		return event.Stopped
	case v.Memory():
		return event.OutOfMemory
	default:
		return event.Failed
	}
}
