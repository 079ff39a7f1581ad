package runner

import (
	"errors"
	"testing"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools/oom"
)

func TestEvent(t *testing.T) {
	for _, tt := range []struct {
		claim  string
		cause  oom.Cause
		room   bool
		err    error
		want   event.Status
		exit   int // of a script that exited with 7
		reason bool
		hint   string
	}{
		{"a success has no reason", oom.Success, false, nil, event.Succeeded, 7, false, ""},
		{"a failure has one", oom.Failure, false, nil, event.Failed, 7, true, "do this"},
		{"a full heap is out of memory", oom.V8Heap, false, nil, event.OutOfMemory, 7, true, "do this"},
		{"a stop at the end of all room is out of memory", oom.PressureStop, false, nil, event.OutOfMemory, 7, true, "do this"},
		{"a stop to make room asks nothing of the user", oom.PressureStop, true, nil, event.Stopped, 7, true, ""},
		{"a timeout is one", oom.Timeout, false, nil, event.TimedOut, 7, true, "do this"},
		{"an interrupt is one", oom.Interrupted, false, nil, event.Interrupted, 7, true, "do this"},
		{"an error of this machine is a failure with its own hint", oom.Success, false, errors.New("no shell\n💡 install one"), event.Failed, -1, true, "install one"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			f := Result{ExitCode: 7, MadeRoom: tt.room, Verdict: oom.Verdict{Cause: tt.cause, Advice: "do this"}}.Event(tt.err)
			if f.Status != tt.want || f.ExitCode != tt.exit || (f.Reason != "") != tt.reason || f.Hint != tt.hint {
				t.Errorf("%+v", f)
			}
		})
	}
}
