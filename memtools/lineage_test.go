package memtools

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// fakeTable is a process table in memory. It counts what it is asked.
type fakeTable struct {
	processes map[int]*fakeProcess
	serial    uint64 // of the last process
	lists     int
	markers   map[uint64]int // reads of the environment, by process
	kept      map[*entry]bool
	noFiles   bool // descriptors are short while any is kept
}

type fakeProcess struct {
	pid, ppid, pgid int
	start, serial   uint64
	marker          string
	usage           Bytes
	cpu             time.Duration
	zombie          bool
}

const fakeSelf = 100

func newFakeTable() *fakeTable {
	f := &fakeTable{processes: map[int]*fakeProcess{}, markers: map[uint64]int{}, kept: map[*entry]bool{}}
	f.add(1, 0)
	f.add(fakeSelf, 1)
	return f
}

// add starts a process of 1 MB in its parent's group.
func (f *fakeTable) add(pid, ppid int) *fakeProcess {
	f.serial++
	p := &fakeProcess{pid: pid, ppid: ppid, serial: f.serial, start: f.serial, usage: MB}
	if parent := f.processes[ppid]; parent != nil {
		p.pgid, p.marker = parent.pgid, parent.marker
	}
	f.processes[pid] = p
	return p
}

// lead makes p the leader of a group of its own.
func (p *fakeProcess) lead() *fakeProcess { p.pgid = p.pid; return p }

// mark sets the value of the marker in p's environment.
func (p *fakeProcess) mark(value string) *fakeProcess { p.marker = value; return p }

// end takes a process away; init adopts its children.
func (f *fakeTable) end(pid int) {
	delete(f.processes, pid)
	for _, p := range f.processes {
		if p.ppid == pid {
			p.ppid = 1
		}
	}
}

func (f *fakeTable) list(to []listed) ([]listed, error) {
	f.lists++
	for pid, p := range f.processes {
		to = append(to, listed{pid: pid, serial: p.serial})
	}
	return to, nil
}

func (f *fakeTable) identify(e *entry) error {
	p := f.processes[e.pid]
	if p == nil {
		return errGone
	}
	e.start, e.ppid, e.pgid, e.zombie = p.start, p.ppid, p.pgid, p.zombie
	return nil
}

func (f *fakeTable) readMarker(e *entry) {
	p := f.processes[e.pid]
	f.markers[p.serial]++
	e.marker = p.marker
}

func (f *fakeTable) measure(e *entry) error {
	p := f.processes[e.pid]
	if p == nil || p.start != e.start {
		return errGone
	}
	if f.noFiles && len(f.kept) > 0 {
		return errNoFiles
	}
	if !f.noFiles {
		f.kept[e] = true
	}
	e.ppid, e.pgid, e.zombie, e.usage = p.ppid, p.pgid, p.zombie, p.usage
	return nil
}

func (f *fakeTable) time(e *entry) {
	if p := f.processes[e.pid]; p != nil && p.serial == e.serial {
		e.cpu = p.cpu
	}
}

func (f *fakeTable) forget(e *entry) { delete(f.kept, e) }
func (f *fakeTable) close() error    { return nil }

func fakeTracker(t interface{ Fatal(...any) }, f *fakeTable) *Tracker {
	tracker, err := newTracker(f, fakeSelf)
	if err != nil {
		t.Fatal(err)
	}
	return tracker
}

// pids takes a sample and returns who is in the tree id.
func pids(t interface{ Fatal(...any) }, tracker *Tracker, id string) []int {
	s, err := tracker.Sample()
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, p := range s.Trees[id].Processes {
		all = append(all, p.PID)
	}
	return all
}

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
		{"counts only what is marked where there is no root", func(f *fakeTable, tr *Tracker) {
			f.add(12, 1).lead().mark("a")
			_, _ = tr.Sample() // seen before it was tracked
			tr.Track("a", 0)
		}, []int{12}},
		{"counts only what is marked where the root has ended", func(f *fakeTable, tr *Tracker) {
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
	for serial, n := range f.markers {
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

// TestLineageProperties compares the tracker with what its promise says, over
// random lives of processes: whoever is started in a tree belongs to it until it
// ends.
func TestLineageProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFakeTable()
		tracker := fakeTracker(t, f)
		trees := map[int]string{} // what should be, by PID
		ids := []string{"a", "b", "c"}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			alive := slices.Sorted(maps.Keys(f.processes))
			alive = slices.DeleteFunc(alive, func(pid int) bool { return pid == 1 || pid == fakeSelf })
			switch what := rapid.IntRange(0, 5).Draw(t, "what"); {
			case what == 0 || len(alive) == 0: // a task starts
				pid, id := unused(t, f), rapid.SampledFrom(ids).Draw(t, "id")
				f.add(pid, fakeSelf).lead().mark(rapid.SampledFrom([]string{id, ""}).Draw(t, "marker"))
				for p, in := range trees {
					if in == id {
						delete(trees, p) // tracking anew ends what was counted
						f.end(p)
					}
				}
				tracker.Track(id, pid)
				trees[pid] = id
			case what == 1: // a stranger starts
				f.add(unused(t, f), 1).lead()
			case what <= 3: // any process starts a child, which may leave its group
				parent := rapid.SampledFrom(alive).Draw(t, "parent")
				p := f.add(unused(t, f), parent)
				if rapid.Bool().Draw(t, "leads") {
					p.lead()
				}
				if in, ok := trees[parent]; ok {
					trees[p.pid] = in
				}
			default: // any process ends
				pid := rapid.SampledFrom(alive).Draw(t, "ends")
				f.end(pid)
				delete(trees, pid)
			}
			s, err := tracker.Sample()
			if err != nil {
				t.Fatal(err)
			}
			got := map[int]string{}
			total := s.Own
			for id, tree := range s.Trees {
				total += tree.Usage
				for _, p := range tree.Processes {
					if in, twice := got[p.PID]; twice {
						t.Fatalf("%d is in %s and in %s", p.PID, in, id)
					}
					got[p.PID] = id
				}
			}
			if !maps.Equal(got, trees) {
				t.Fatalf("counts %v, want %v", got, trees)
			}
			if total != s.Total || s.Total != MB*Bytes(1+len(trees)) {
				t.Fatalf("total %v of %d processes", s.Total, 1+len(trees))
			}
			if len(f.kept) != 1+len(trees) {
				t.Fatalf("keeps %d descriptors for %d processes", len(f.kept), 1+len(trees))
			}
		}
	})
}

// unused draws a number from few, so that numbers come again.
func unused(t *rapid.T, f *fakeTable) int {
	return rapid.IntRange(2, 60).Filter(func(pid int) bool {
		if f.processes[pid] != nil {
			return false
		}
		for _, p := range f.processes {
			if p.pgid == pid { // the kernel gives no number that a group has
				return false
			}
		}
		return true
	}).Draw(t, "pid")
}

func TestMembers(t *testing.T) {
	for _, c := range []struct {
		name   string
		root   Identity
		marker string
		story  func(*fakeTable)
		want   []int
	}{
		{"lists root, descendants, group and marked", Identity{PID: 10}, "a", func(f *fakeTable) {
			f.add(12, 1).pgid = 10
			f.add(13, 1).lead().mark("a")
			f.add(14, 1).lead()
		}, []int{10, 11, 12, 13}},
		{"lists no marked ones without a marker", Identity{PID: 10}, "", func(f *fakeTable) { f.add(13, 1).lead().mark("a") }, []int{10, 11}},
		{"lists marked ones without a root", Identity{}, "a", func(f *fakeTable) { f.add(13, 1).lead().mark("a") }, []int{13}},
		{"leaves zombies out", Identity{PID: 10}, "a", func(f *fakeTable) { f.processes[10].zombie = true }, []int{11}},
		{"leaves alone what got the root's number", Identity{PID: 10, Start: 3}, "a", func(f *fakeTable) {
			f.end(10)
			f.end(11)
			f.add(10, 1).lead()
			f.add(12, 10)
		}, nil},
		{"lists the group of a root that has ended", Identity{PID: 10, Start: 3}, "a", func(f *fakeTable) { f.end(10) }, []int{11}},
		{"lists nothing where all have ended", Identity{PID: 10}, "a", func(f *fakeTable) { f.end(10); f.end(11) }, nil},
		{"never lists this process", Identity{PID: 1}, "", func(f *fakeTable) { f.end(10); f.end(11) }, []int{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeTable()
			f.add(10, fakeSelf).lead()
			f.add(11, 10)
			c.story(f)
			members, err := fakeTracker(t, f).members(c.root, c.marker)
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			for _, m := range members {
				got = append(got, m.PID)
				if m.Start != f.processes[m.PID].start {
					t.Errorf("process %d started at %d, not %d", m.PID, f.processes[m.PID].start, m.Start)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("lists %v, want %v", got, c.want)
			}
		})
	}
}

func TestMarker(t *testing.T) {
	t.Setenv(MarkerEnv, "")
	if got := Marker("run/core#build"); got != "HEAPMAGE_TASK=run/core#build" {
		t.Errorf("Marker = %q", got)
	}
	t.Setenv(MarkerEnv, "outer")
	if got := Marker("inner"); got != "HEAPMAGE_TASK=outer;inner" {
		t.Errorf("inside of another run: %q", got)
	}
}
