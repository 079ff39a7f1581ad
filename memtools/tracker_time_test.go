package memtools

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestProcessorTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTable()
		tracker := fakeTracker(t, f)
		f.add(10, fakeSelf).lead().cpu = 2 * time.Second
		f.add(11, 10).cpu = 30 * time.Second
		f.add(20, fakeSelf).lead().cpu = time.Hour
		tracker.Track("a", 10)
		sample := func() time.Duration {
			s, err := tracker.Sample()
			if err != nil {
				t.Fatal(err)
			}
			return s.Trees["a"].CPU
		}
		if got := sample(); got != 32*time.Second {
			t.Errorf("at first %v", got)
		}
		f.processes[10].cpu = 5 * time.Second
		if got := sample(); got != 32*time.Second {
			t.Errorf("%v: it was read again at once", got)
		}
		time.Sleep(cpuInterval)
		f.end(11) // nothing waits for it
		if got := sample(); got != 35*time.Second {
			t.Errorf("%v once a process had ended", got)
		}
		f.add(11, 10).cpu = time.Second // the number comes again
		time.Sleep(cpuInterval)
		if got := sample(); got != 36*time.Second {
			t.Errorf("%v with one that has its number", got)
		}
		f.processes[10].childCPU = 7 * time.Second
		time.Sleep(cpuInterval)
		if s, err := tracker.Sample(); err != nil || s.Trees["a"].ChildCPU != 7*time.Second || s.Trees["a"].CPU != 36*time.Second {
			t.Errorf("with children that were waited for %+v, %v", s.Trees["a"], err)
		}
		if sum := tracker.Untrack("a"); sum.CPU != 36*time.Second || sum.Peak != 2*MB {
			t.Errorf("in the end %+v", sum)
		}
	})
}
