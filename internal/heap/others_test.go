package heap

import (
	"testing"

	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

func TestRetryForOthers(t *testing.T) {
	kills := func(n int) []schedule.Outcome {
		before := make([]schedule.Outcome, n)
		for i := range before {
			before[i].ForOthers = true
		}
		return before
	}
	for _, tt := range []struct {
		claim        string
		cause        oom.Cause
		peak, budget memtools.Bytes
		kills        int
		want         schedule.Result
	}{
		{"once more if others held the memory", oom.KernelOOM, 400 * mb, 500 * mb, 0, schedule.Again},
		{"three times at most", oom.KernelOOM, 400 * mb, 500 * mb, 3, schedule.Failed},
		{"not if they held little", oom.KernelOOM, 400 * mb, 950 * mb, 0, schedule.Failed},
		{"not if it used nearly all that there is", oom.KernelOOM, 800 * mb, 500 * mb, 0, schedule.Failed},
		{"not for a full heap", oom.V8Heap, 400 * mb, 500 * mb, 0, schedule.Failed},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			o, text := RetryForOthers(tt.cause, tt.peak, schedule.Memory{Budget: tt.budget, Most: 1000 * mb}, kills(tt.kills))
			if o.Result != tt.want || (text != "") != (tt.want == schedule.Again) || o.Cause != tt.cause {
				t.Errorf("%+v, %q", o, text)
			}
		})
	}
}
