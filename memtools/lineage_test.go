package memtools

import (
	"slices"
	"testing"
)

func TestLineage(t *testing.T) {
	for _, c := range []struct {
		name string
		// story changes the table and the tracker after Track("a", 10) and a
		// first sample, in which 10 leads a group and has the child 11.
		story func(*fakeTable, *Tracker)
		want  []int // in a
	}{
		{"counts root and child", func(f *fakeTable, _ *Tracker) {}, []int{10, 11}},
		{"counts what comes later, several generations at once", func(f *fakeTable, _ *Tracker) {
			f.add(13, 11).lead()
			f.add(12, 13).lead()
		}, []int{10, 11, 12, 13}},
		{"keeps a process whose parent has ended", func(f *fakeTable, _ *Tracker) { f.end(10) }, []int{11}},
		{"counts the child of a process that was adopted", func(f *fakeTable, _ *Tracker) {
			f.end(10)
			f.add(12, 11).lead()
		}, []int{11, 12}},
		{"finds a process of the group whose parents were never seen", func(f *fakeTable, _ *Tracker) { f.add(12, 1).pgid = 10 }, []int{10, 11, 12}},
		{"finds a process of the group after its leader has ended", func(f *fakeTable, _ *Tracker) {
			f.end(10)
			f.add(12, 1).pgid = 10
		}, []int{11, 12}},
		{"finds a job of the session that is in its own group and lost its parents", func(f *fakeTable, tr *Tracker) {
			f.add(20, fakeSelf).detach()
			tr.Track("a", 20)
			_, _ = tr.Sample()
			f.add(21, 1).lead().sid = 20
		}, []int{20, 21}},
		{"does not count a session that comes after the tree's has ended", func(f *fakeTable, tr *Tracker) {
			f.add(20, fakeSelf).detach()
			tr.Track("a", 20)
			_, _ = tr.Sample()
			f.end(20)
			_, _ = tr.Sample()
			f.add(21, 1).lead().sid = 20
		}, nil},
		{"finds the marker of a process that was first seen in the middle of its exec", func(f *fakeTable, tr *Tracker) {
			f.add(12, 1).lead().mark("a")
			f.unsettled = map[int]bool{12: true}
			_, _ = tr.Sample()
			f.unsettled = nil
		}, []int{10, 11, 12}},
		{"does not count what is marked but older than the root", func(f *fakeTable, tr *Tracker) {
			f.add(12, 1).lead().mark("a")
			f.add(20, fakeSelf).lead()
			tr.Track("a", 20)
		}, []int{20}},
		{"loses a process that is tracked for itself, with what is below it", func(f *fakeTable, tr *Tracker) {
			f.add(12, 11)
			f.add(13, 12)
			_, _ = tr.Sample()
			tr.Track("b", 12)
			f.add(14, 13)
		}, []int{10, 11}},
		{"has it back when that ends", func(f *fakeTable, tr *Tracker) {
			f.add(12, 11)
			f.add(13, 12)
			_, _ = tr.Sample()
			tr.Track("b", 12)
			_, _ = tr.Sample()
			tr.Untrack("b")
		}, []int{10, 11, 12, 13}},
		{"finds a daemon by its marker", func(f *fakeTable, _ *Tracker) { f.add(12, 1).lead().mark("a") }, []int{10, 11, 12}},
		{"counts the children of a daemon", func(f *fakeTable, _ *Tracker) {
			f.add(12, 1).lead().mark("a")
			f.add(13, 12).lead().mark("")
		}, []int{10, 11, 12, 13}},
		{"finds what a nested run marked", func(f *fakeTable, _ *Tracker) { f.add(12, 1).lead().mark("a;inner") }, []int{10, 11, 12}},
		{"finds its marker inside another run's", func(f *fakeTable, _ *Tracker) { f.add(12, 1).lead().mark("outer;a") }, []int{10, 11, 12}},
		{"is not misled by a marker that only looks alike", func(f *fakeTable, _ *Tracker) {
			f.add(12, 1).lead().mark("aa")
			f.add(13, 1).lead().mark("b;ab")
			f.add(14, 1).lead().mark(";")
		}, []int{10, 11}},
		{"does not count strangers", func(f *fakeTable, _ *Tracker) { f.add(12, 1).lead() }, []int{10, 11}},
		{"does not count what gets an ended member's number", func(f *fakeTable, _ *Tracker) {
			f.end(11)
			f.add(11, 1).lead()
		}, []int{10}},
		{"does not count what gets the root's number", func(f *fakeTable, _ *Tracker) {
			f.end(10)
			f.add(10, 1).lead()
		}, []int{11}},
		{"does not count the group of what gets the root's number", func(f *fakeTable, _ *Tracker) {
			f.end(10)
			f.end(11)
			f.add(10, 1).lead()
			f.add(12, 10)
		}, nil},
		{"does not count a group that comes after the tree's has ended", func(f *fakeTable, tr *Tracker) {
			f.end(10)
			f.end(11)
			_, _ = tr.Sample()
			f.add(12, 1).pgid = 10
		}, nil},
		{"finds a new member under a stranger's old number", func(f *fakeTable, tr *Tracker) {
			f.add(12, 1).lead()
			_, _ = tr.Sample()
			f.end(12)
			f.add(12, 11)
		}, []int{10, 11, 12}},
		{"does not take an adopted process for the child of what got its parent's number", func(f *fakeTable, _ *Tracker) {
			p := f.add(12, 1).lead() // older than the process 13 that it names as its parent
			f.add(13, 10)
			p.ppid = 13
		}, []int{10, 11, 13}},
		{"leaves zombies out", func(f *fakeTable, _ *Tracker) { f.processes[11].zombie = true }, []int{10}},
		{"never counts this process", func(f *fakeTable, _ *Tracker) {
			f.processes[fakeSelf].mark("a").ppid = 10
			f.add(12, fakeSelf).lead().mark("")
		}, []int{10, 11}},
		{"counts nothing any more once untracked", func(f *fakeTable, tr *Tracker) { tr.Untrack("a") }, nil},
		{"counts again what is tracked again", func(f *fakeTable, tr *Tracker) {
			tr.Untrack("a")
			_, _ = tr.Sample()
			tr.Track("a", 10)
		}, []int{10, 11}},
		{"counts another root in place of the first", func(f *fakeTable, tr *Tracker) {
			f.add(20, fakeSelf).lead()
			tr.Track("a", 20)
		}, []int{20}},
		{"counts only what is marked if there is no root", func(f *fakeTable, tr *Tracker) {
			f.add(12, 1).lead().mark("a")
			_, _ = tr.Sample() // seen before it was tracked
			tr.Track("a", 0)
		}, []int{12}},
		{"counts only what is marked if the root has ended", func(f *fakeTable, tr *Tracker) {
			f.add(12, 1).lead().mark("a")
			tr.Track("a", 4711)
		}, []int{12}},
		{"counts one process alone if told so", func(f *fakeTable, tr *Tracker) { tr.TrackOne("a", 10) }, []int{10}},
		{"leaves to another tree what has its marker", func(f *fakeTable, tr *Tracker) {
			tr.Track("b", 0)
			f.add(12, 11).mark("b")
		}, []int{10, 11}},
		{"leaves to another tree what is below its root", func(f *fakeTable, tr *Tracker) {
			f.add(12, 11)
			tr.Track("b", 12)
			f.add(13, 12)
		}, []int{10, 11}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeTable()
			tracker := fakeTracker(t, f)
			f.add(10, fakeSelf).lead()
			f.add(11, 10)
			tracker.Track("a", 10)
			if got := pids(t, tracker, "a"); !slices.Equal(got, []int{10, 11}) {
				t.Fatalf("first sample: %v", got)
			}
			c.story(f, tracker)
			if got := pids(t, tracker, "a"); !slices.Equal(got, c.want) {
				t.Errorf("counts %v, want %v", got, c.want)
			}
			if err := tracker.Close(); err != nil || len(f.kept) > 0 {
				t.Errorf("closed with %d descriptors kept, %v", len(f.kept), err)
			}
		})
	}
}

func TestSampleAddsUp(t *testing.T) {
	f := newFakeTable()
	tracker := fakeTracker(t, f)
	f.processes[fakeSelf].usage = 20 * MB
	f.add(10, fakeSelf).lead().usage = 100 * MB
	f.add(20, fakeSelf).lead().usage = 7 * MB
	tracker.Track("a", 10)
	tracker.Track("b", 20)
	tracker.TrackOne("launcher", 1)

	s, err := tracker.Sample()
	if err != nil {
		t.Fatal(err)
	}
	if s.Own != 20*MB || s.Total != 128*MB || s.Trees["a"].Usage != 100*MB || s.Trees["b"].Usage != 7*MB || s.Trees["launcher"].Usage != MB {
		t.Errorf("%+v", s)
	}
	f.processes[10].usage = 40 * MB
	f.end(20)
	if s, err = tracker.Sample(); err != nil {
		t.Fatal(err)
	}
	if a := s.Trees["a"]; a.Usage != 40*MB || a.Peak != 100*MB {
		t.Errorf("usage fell: %+v", a)
	}
	if b, ok := s.Trees["b"]; !ok || b.Usage != 0 || b.Peak != 7*MB {
		t.Errorf("all have ended: %+v", b)
	}
	if s.Total != 61*MB {
		t.Errorf("total %v", s.Total)
	}
}

func TestSampleCosts(t *testing.T) {
	f := newFakeTable()
	tracker := fakeTracker(t, f)
	for n := range 20 {
		f.add(200+n, fakeSelf).lead()
		f.add(300+n, 1).lead()
		tracker.Track(string(rune('a'+n)), 200+n)
	}
	for range 5 {
		if _, err := tracker.Sample(); err != nil {
			t.Fatal(err)
		}
	}
	if f.lists != 5 {
		t.Errorf("%d looks at the process table for 5 samples of 20 trees", f.lists)
	}
	for serial, n := range f.environs {
		if n != 1 {
			t.Errorf("read the environment of process %d %d times", serial, n)
		}
	}
	if len(f.kept) != 21 {
		t.Errorf("keeps %d descriptors for 20 members and itself", len(f.kept))
	}
	f.noFiles = true
	f.add(500, 200)
	if _, err := tracker.Sample(); err != nil {
		t.Errorf("descriptors are short: %v", err)
	}
}

func TestMarksAreNotAskedForForEver(t *testing.T) {
	f := newFakeTable()
	tracker := fakeTracker(t, f)
	odd := f.add(12, 1)
	f.unsettled = map[int]bool{12: true}
	for range 3 * mostUnread {
		if _, err := tracker.Sample(); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.environs[odd.serial]; n != mostUnread {
		t.Errorf("read the environment %d times, want %d", n, mostUnread)
	}
}
