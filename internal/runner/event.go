package runner

import (
	"strings"

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
		f.Reason = r.Verdict.Reason() // nothing for the user to do
	case f.Status != event.Succeeded:
		f.Reason, f.Hint = r.Verdict.Reason(), r.Verdict.Advice
	}
	return f
}

func (r Result) status() event.Status {
	v := r.Verdict
	switch {
	case v.Success():
		return event.Succeeded
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
