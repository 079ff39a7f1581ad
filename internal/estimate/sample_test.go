package estimate

import (
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools/oom"
)

func TestObserved(t *testing.T) {
	for _, tt := range []struct {
		claim string
		ended event.TaskFinished
		want  Outcome // empty: it shows nothing
	}{
		{"a success", event.TaskFinished{Status: event.Succeeded}, Succeeded},
		{"a failure with an exit code", event.TaskFinished{Status: event.Failed, Cause: string(oom.Failure), ExitCode: 2}, Failed},
		{"a failure by a signal", event.TaskFinished{Status: event.Failed, Cause: string(oom.Signal), ExitCode: -1}, Failed},
		{"nothing, if the script could not be started", event.TaskFinished{Status: event.Failed, Cause: string(oom.Failure), ExitCode: -1}, ""},
		{"a full V8 heap", event.TaskFinished{Status: event.OutOfMemory, Cause: string(oom.V8Heap)}, OutOfHeap},
		{"a full heap of a worker thread", event.TaskFinished{Status: event.OutOfMemory, Cause: string(oom.NodeWorker)}, OutOfHeap},
		{"a full heap of the JVM", event.TaskFinished{Status: event.OutOfMemory, Cause: string(oom.JVMHeap)}, OutOfHeap},
		{"a kill by the kernel", event.TaskFinished{Status: event.OutOfMemory, Cause: string(oom.KernelOOM)}, Killed},
		{"a stop after it had passed its need", event.TaskFinished{Status: event.Stopped, Peak: 101 * mb}, Killed},
		{"nothing, if it was stopped for another's need", event.TaskFinished{Status: event.Stopped, Peak: 100 * mb}, ""},
		{"nothing, if it was stopped for other programs", event.TaskFinished{Status: event.Stopped, Peak: 101 * mb, ForOthers: true}, ""},
		{"nothing, if it was killed for what other programs held", event.TaskFinished{Status: event.OutOfMemory, Cause: string(oom.KernelOOM), ForOthers: true}, ""},
		{"nothing, if it was interrupted", event.TaskFinished{Status: event.Interrupted}, ""},
		{"nothing, if its time was up", event.TaskFinished{Status: event.TimedOut}, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got, ok := Observed(tt.ended, 100*mb)
			if ok != (tt.want != "") || ok && got.Outcome != tt.want {
				t.Errorf("got %q, %v", got.Outcome, ok)
			}
		})
	}
	t.Run("leaves out the time for which it was frozen", func(t *testing.T) {
		got, _ := Observed(event.TaskFinished{Status: event.Succeeded, Peak: 7 * mb, Duration: time.Minute, Frozen: 20 * time.Second, CPU: time.Second}, 0)
		if want := (Sample{Outcome: Succeeded, Peak: 7 * mb, Duration: 40 * time.Second, CPU: time.Second}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

func TestRetryNeed(t *testing.T) {
	if got := RetryNeed(gb); got != gb*3/2 {
		t.Errorf("got %v", got)
	}
	if got := RetryNeed(maxNeed); got != maxNeed {
		t.Errorf("it has no bound: %v", got)
	}
}
