package heap

import (
	"testing"

	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

// TestRetry plays the memory failures of one task, one attempt after another.
func TestRetry(t *testing.T) {
	times := func(n int) *int { return &n }
	full := oom.Verdict{Cause: oom.V8Heap, Limit: 512 * mb}
	killed := oom.Verdict{Cause: oom.KernelOOM}
	for _, tt := range []struct {
		claim   string
		retries *int
		alone   bool // from the first attempt on
		repeat  bool
		ends    []oom.Verdict
		again   int // attempts after the first
	}{
		{"once after a full heap", nil, false, false, []oom.Verdict{full, full, full}, 1},
		{"once after a kill", nil, false, false, []oom.Verdict{killed, killed, killed}, 1},
		{"once for each kind", nil, false, false, []oom.Verdict{full, killed, killed}, 2},
		{"never if configured so", times(0), false, false, []oom.Verdict{full}, 0},
		{"never after a kill if configured so", times(0), false, false, []oom.Verdict{killed}, 0},
		{"not alone if it was alone", nil, true, false, []oom.Verdict{killed}, 0},
		{"alone again if that is allowed", nil, true, true, []oom.Verdict{killed, killed}, 1},
		{"alone again, as often as configured", times(2), true, false, []oom.Verdict{killed, killed, killed}, 2},
		{"not if the script sets the limit", nil, false, false, []oom.Verdict{{Cause: oom.V8Heap}}, 0},
		{"a worker thread's full heap, once", nil, false, false, []oom.Verdict{{Cause: oom.NodeWorker}, {Cause: oom.NodeWorker}}, 1},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			f := Failure{Limit: Limit{Size: 512 * mb, Set: true}, Request: Request{Budget: 4 * gb, Ceiling: 8 * gb}, Alone: tt.alone, Repeat: tt.repeat, Retries: tt.retries}
			for _, v := range tt.ends {
				f.Verdict = v
				o, text := Retry(f)
				if o.Cause != v.Cause {
					t.Errorf("cause %q of %q", o.Cause, v.Cause)
				}
				if o.Result != schedule.Again {
					if o.Result != schedule.Failed || text != "" || len(f.Before) != tt.again {
						t.Errorf("%+v, %q after %d further attempts, want %d", o, text, len(f.Before), tt.again)
					}
					return
				}
				if text == "" || o.Alone != (v.Cause == oom.KernelOOM) || heapFull(v.Cause) && o.HeapLimit <= f.Limit.Size {
					t.Errorf("another attempt: %+v, %q", o, text)
				}
				f.Before, f.Alone = append(f.Before, o), f.Alone || o.Alone
				f.Limit.Size = max(f.Limit.Size, o.HeapLimit)
			}
			if len(f.Before) != tt.again {
				t.Errorf("%d further attempts, want %d", len(f.Before), tt.again)
			}
		})
	}
}

// TestRetryWithLess: a task that was killed under a heap limit above the budget is
// tried again with one that fits, even if it was alone.
func TestRetryWithLess(t *testing.T) {
	r := Request{Budget: gb, Ceiling: 8 * gb, Learned: 900 * mb, MayExceedBudget: true}
	f := Failure{Verdict: oom.Verdict{Cause: oom.KernelOOM}, Limit: For(r), Request: r, Alone: true}
	if f.Limit.Size != 2*gb || f.Limit.Diagnosed(gb) != gb {
		t.Fatalf("a heap limit of %v, diagnosed as %v", f.Limit.Size, f.Limit.Diagnosed(gb))
	}
	o, text := Retry(f)
	if o.Result != schedule.Again || o.HeapLimit != gb || !o.Alone || text != "trying again, alone, with a heap limit of 1024.00MB instead of 2048.00MB" {
		t.Errorf("%+v, %q", o, text)
	}
	f.Before, f.Limit.Size = []schedule.Outcome{o}, o.HeapLimit
	if o, _ := Retry(f); o.Result != schedule.Failed {
		t.Errorf("%+v after a second kill", o)
	}
	f.Before, f.Limit, f.Verdict.Cause = nil, For(r), oom.JVMHeap
	if o, _ := Retry(f); o.Result != schedule.Failed {
		t.Errorf("%+v after a failure that a smaller heap limit cannot prevent", o)
	}
}

// TestRetryWithASmallerHeap: a lone task that was stopped inside the budget is tried again
// if a smaller heap would have made a difference.
func TestRetryWithASmallerHeap(t *testing.T) {
	stopped := oom.Verdict{Cause: oom.PressureStop}
	r := Request{Budget: 656 * mb, Young: 48 * mb, Ceiling: 8 * gb}
	for _, tt := range []struct {
		claim      string
		heap, peak memtools.Bytes
		change     func(*Failure)
		want       memtools.Bytes
	}{
		{"with room for what it held beside its heap", 560 * mb, 730 * mb, nil, 438 * mb},
		{"not if no heap was seen", 0, 730 * mb, nil, 0},
		{"not if its heap was small", 200 * mb, 730 * mb, nil, 0},
		{"not if hardly any heap would be left", 120 * mb, 690 * mb, nil, 0},
		{"not if others may have been the cause", 560 * mb, 730 * mb, func(f *Failure) { f.Alone = false }, 0},
		{"not if the limit stands under packages:", 560 * mb, 730 * mb, func(f *Failure) { f.Limit.Fixed = true }, 0},
		{"not if the limit is the user's", 560 * mb, 730 * mb, func(f *Failure) { f.Limit.Set = false }, 0},
		{"not twice", 560 * mb, 730 * mb, func(f *Failure) { f.Before = []schedule.Outcome{{Cause: oom.PressureStop, HeapLimit: 600 * mb}} }, 0},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			f := Failure{Verdict: stopped, Limit: For(r), Request: r, Heap: tt.heap, Peak: tt.peak, Alone: true}
			if tt.change != nil {
				tt.change(&f)
			}
			if o, _ := Retry(f); o.HeapLimit != tt.want {
				t.Errorf("%+v, want a heap limit of %v", o, tt.want)
			}
		})
	}
	t.Run("is not raised again after that", func(t *testing.T) {
		f := Failure{Verdict: oom.Verdict{Cause: oom.V8Heap, Limit: 438 * mb}, Limit: Limit{Size: 438 * mb, Set: true}, Request: r, Alone: true,
			Before: []schedule.Outcome{{Cause: oom.PressureStop, HeapLimit: 438 * mb}}}
		if o, _ := Retry(f); o.Result != schedule.Failed {
			t.Errorf("%+v", o)
		}
	})
}

func TestNext(t *testing.T) {
	r := Request{Budget: 4 * gb, Ceiling: 2 * gb}
	asked := func(limits ...memtools.Bytes) (before []schedule.Outcome) {
		for _, l := range limits {
			before = append(before, schedule.Outcome{Result: schedule.Again, HeapLimit: l})
		}
		return before
	}
	for _, tt := range []struct {
		claim  string
		before []schedule.Outcome
		want   memtools.Bytes
	}{
		{"a first attempt gets a new one", nil, 2 * gb},
		{"a later one gets what was asked for", asked(3 * gb), 3 * gb},
		{"what was asked for last counts", asked(3*gb, gb), gb},
		{"an attempt that only made room asked for nothing", asked(3*gb, 0), 3 * gb},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := Next(r, tt.before); got.Size != tt.want || !got.Set {
				t.Errorf("got %+v, want %v", got, tt.want)
			}
		})
	}
}

func TestDiagnosed(t *testing.T) {
	for _, tt := range []struct {
		claim string
		l     Limit
		want  memtools.Bytes
	}{
		{"ours above the budget is the budget", Limit{Size: 2 * gb, Set: true}, gb},
		{"ours inside it is itself", Limit{Size: gb / 2, Set: true}, gb / 2},
		{"the user's is itself", Limit{Size: 2 * gb}, 2 * gb},
		{"a fixed one is itself", Limit{Size: 2 * gb, Set: true, Fixed: true}, 2 * gb},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := tt.l.Diagnosed(gb); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestWantsAgent(t *testing.T) {
	for _, tt := range []struct {
		claim  string
		need   memtools.Bytes // zero if unknown
		atOnce int
		want   bool
	}{
		{"a task of unknown need gets it", 0, 1, true},
		{"so does a task that may make memory short alone", 5 * gb, 1, true},
		{"but not one that cannot", 2 * gb, 1, false},
		{"unless many of its kind can together", 2 * gb, 8, true},
		{"a small task never gets it, however many there are", 200 * mb, 64, false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := WantsAgent(tt.need, tt.atOnce, 8*gb); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestALimitOutsideIsNotTriedAgain(t *testing.T) {
	f := Failure{Verdict: oom.Verdict{Cause: oom.KernelOOM}, Limit: Limit{Size: gb, Set: true}, Request: Request{Budget: 8 * gb, Ceiling: 8 * gb}}
	if o, _ := Retry(f); o.Result != schedule.Again {
		t.Fatalf("a kill for the run's own limit: %v", o.Result)
	}
	f.Verdict.OwnCgroup = "cgroup v2 /build"
	if o, text := Retry(f); o.Result != schedule.Failed || text != "" {
		t.Errorf("%v, %q", o.Result, text)
	}
}
