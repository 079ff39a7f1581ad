package memtools

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestLineageProperties compares the tracker with what its promise says, over
// random lives of processes: a process that starts in a tree belongs to it until it
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

// unused draws from few numbers, so that they are reused.
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
