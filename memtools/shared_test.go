package memtools

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
)

// usageOf takes a sample and returns the usage of the tree t.
func usageOf(t *testing.T, tracker *Tracker) Bytes {
	t.Helper()
	s, err := tracker.Sample()
	if err != nil {
		t.Fatal(err)
	}
	return s.Trees["t"].Usage
}

// TestForks: pages that forks share with their parent count once, without a reading of
// shares for each sample.
func TestForks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTable()
		parent := f.add(200, fakeSelf)
		parent.usage, parent.image = 300*MB, 77
		tracker := fakeTracker(t, f)
		tracker.Track("t", 200)
		if got := usageOf(t, tracker); got != 300*MB {
			t.Errorf("the parent alone uses %v", got)
		}
		for i := range 20 {
			child := f.add(300+i, 200)
			child.usage, child.image = 300*MB, 77
		}
		share := func() {
			n := int64(len(f.processes) - 2)
			for pid, p := range f.processes {
				if pid >= 200 {
					p.share = proctable.Share{Private: int64(300*MB) / n}
				}
			}
		}
		share()
		near := func(claim string, got, want Bytes) {
			t.Helper()
			if got < want-2*MB || got > want+2*MB {
				t.Errorf("%s: %v, want %v", claim, got, want)
			}
		}
		near("20 forks that only read", usageOf(t, tracker), 300*MB)
		tracker.trees["t"].readFor = time.Hour // no other reading follows
		for i := range 20 {                    // not in the last reading
			child := f.add(400+i, 200)
			child.usage, child.image = 300*MB, 77
		}
		near("20 more, before another reading", usageOf(t, tracker), 300*MB)
		f.processes[305].usage += 50 * MB
		near("one has grown", usageOf(t, tracker), 350*MB)
		f.processes[305].usage -= 50 * MB
		f.end(200)
		near("the parent has ended, its pages have not", usageOf(t, tracker), 300*MB)
		for i := range 19 {
			f.end(300 + i)
		}
		near("most forks have ended", usageOf(t, tracker), 300*MB)
		f.processes[319].image, f.processes[319].usage = 99, 20*MB // an exec
		time.Sleep(cpuInterval)
		usageOf(t, tracker) // sees it
		if got := usageOf(t, tracker); got < 300*MB || got > 345*MB {
			t.Errorf("one runs another program: %v", got)
		}
	})
}

// TestForkThatExecs: a process that is seen between its fork and its exec is counted as
// what it becomes.
func TestForkThatExecs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTable()
		parent := f.add(200, fakeSelf)
		parent.usage, parent.image = 300*MB, 77
		child := f.add(201, 200)
		child.usage, child.image, child.share = 300*MB, 77, proctable.Share{Private: int64(150 * MB)}
		parent.share = child.share
		tracker := fakeTracker(t, f)
		tracker.Track("t", 200)
		if got := usageOf(t, tracker); got != 300*MB {
			t.Errorf("after the fork %v", got)
		}
		child.usage, child.image = 400*MB, 88
		parent.share = proctable.Share{Private: int64(300 * MB)}
		time.Sleep(cpuInterval)
		usageOf(t, tracker) // reads the new image
		if got := usageOf(t, tracker); got < 550*MB || got > 700*MB {
			t.Errorf("after the exec %v", got)
		}
	})
}

// TestSharesAreReadSeldom: readings take at most half a percent of the time, as their
// own cost is.
func TestSharesAreReadSeldom(t *testing.T) {
	f := newFakeTable()
	for i := range 4 {
		p := f.add(200+i, fakeSelf)
		if i > 0 {
			p.ppid = 200
		}
		p.usage, p.image = 100*MB, 77
	}
	tracker := fakeTracker(t, f)
	tracker.Track("t", 200)
	usageOf(t, tracker)
	first := f.shares
	tracker.trees["t"].readFor = time.Minute
	for range 100 {
		usageOf(t, tracker)
	}
	if first != 4 || f.shares != first {
		t.Errorf("%d readings, then %d more", first, f.shares-first)
	}
}

// TestSharedMemory: shared memory counts no more than its shares.
func TestSharedMemory(t *testing.T) {
	f := newFakeTable()
	for i := range 10 {
		p := f.add(200+i, fakeSelf)
		if i > 0 {
			p.ppid = 200
		}
		p.usage, p.shmem, p.share = 2*MB, 200*MB, proctable.Share{Private: int64(2 * MB), Shmem: int64(20 * MB)}
	}
	tracker := fakeTracker(t, f)
	tracker.Track("t", 200)
	if got := usageOf(t, tracker); got > 220*MB {
		t.Errorf("%v, of which 200MB are shared by ten", got)
	}
}

func TestSmallTreesAreNotRead(t *testing.T) {
	f := newFakeTable()
	for i := range 10 {
		p := f.add(200+i, fakeSelf)
		if i > 0 {
			p.ppid = 200
		}
		p.usage, p.image = 2*MB, 77
	}
	tracker := fakeTracker(t, f)
	tracker.Track("t", 200)
	usageOf(t, tracker)
	if f.shares > 0 {
		t.Errorf("%d readings for 20 MB", f.shares)
	}
}

// TestForksOfForks: what a fork has from its own parent counts once, and what each has
// grown by counts even if a reading of shares missed it.
func TestForksOfForks(t *testing.T) {
	f := newFakeTable()
	add := func(pid, parent int, usage Bytes) {
		p := f.add(pid, parent)
		p.usage, p.image, p.share = usage, 77, proctable.Share{Private: int64(MB)}
	}
	add(200, fakeSelf, 150*MB)
	tracker := fakeTracker(t, f)
	tracker.Track("t", 200)
	usageOf(t, tracker)
	for i := range 4 {
		add(300+i, 200, 150*MB)
	}
	usageOf(t, tracker) // reads shares
	for i := range 4 {
		f.processes[300+i].usage = 170 * MB
		add(400+i, 300+i, 170*MB)
	}
	tracker.trees["t"].readFor = 0
	if got := usageOf(t, tracker); got != 230*MB { // the shares that are read tell 9 MB
		t.Errorf("%v", got)
	}
}
