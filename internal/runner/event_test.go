package runner

import (
	"errors"
	"strings"
	"testing"
	"time"

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

// TestFailureAfterAPause: pauses may be why an attempt failed if they were long and
// nothing else is the reason.
func TestFailureAfterAPause(t *testing.T) {
	const long = 2 * time.Second
	for _, tt := range []struct {
		claim  string
		frozen time.Duration
		cause  oom.Cause
		want   string
	}{
		{"a failure", long, oom.Failure, "exit code 1, after a pause of 2.00s"},
		{"a crash", long, oom.Signal, "exit code 1, after a pause of 2.00s"},
		{"not after a short pause", time.Second, oom.Failure, "exit code 1"},
		{"not a missing command", long, oom.CommandNotFound, ""},
		{"not a memory failure", long, oom.KernelOOM, ""},
		{"not a timeout", long, oom.Timeout, ""},
		{"not an interrupt", long, oom.Interrupted, ""},
		{"not a success", long, oom.Success, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			r := Result{Frozen: tt.frozen, Verdict: oom.Verdict{Cause: tt.cause, Detail: "exit code 1"}}
			pause := strings.Contains(tt.want, "pause")
			if got := r.Event(nil).Reason; r.FailedAfterPause() != pause || tt.want != "" && got != tt.want || strings.Contains(got, "pause") != pause {
				t.Errorf("%v, %q", r.FailedAfterPause(), got)
			}
		})
	}
}

func TestMadeRoomForOthers(t *testing.T) {
	r := Result{MadeRoom: true, ForOthers: true, Verdict: oom.Verdict{Cause: oom.PressureStop}}
	if f := r.Event(nil); f.Status != event.Stopped || !f.ForOthers {
		t.Errorf("%+v", f)
	}
}
