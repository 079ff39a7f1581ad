package memtools

import "testing"

// TestMissed: what a process held for a moment between two samples is part of the peak.
func TestMissed(t *testing.T) {
	f := newFakeTable()
	p := f.add(200, fakeSelf)
	q := f.add(201, 200)
	set := func(p *fakeProcess, usage, rss, most Bytes) { p.usage, p.rss, p.maxRSS = usage, rss, most }
	tracker := fakeTracker(t, f)
	tracker.Track("t", 200)
	for _, step := range []struct {
		claim string
		do    func()
		peak  Bytes
	}{
		{"no moment was missed", func() { set(p, 20*MB, 50*MB, 50*MB); set(q, 10*MB, 40*MB, 40*MB) }, 30 * MB},
		{"one held 100 MB more", func() { p.maxRSS = 150 * MB }, 130 * MB},
		{"both did, perhaps not together", func() { p.maxRSS, q.maxRSS = 170*MB, 140*MB }, 150 * MB},
		{"the others have grown since", func() { q.usage, q.rss = 90*MB, 120*MB }, 150 * MB},
		{"what was seen before does not count again", func() { p.usage = 59 * MB }, 150 * MB},
		{"another program begins anew", func() { set(p, 10*MB, 30*MB, 80*MB); set(q, 90*MB, 120*MB, 140*MB) }, 150 * MB},
		{"and counts", func() { p.maxRSS = 180 * MB }, 250 * MB},
		{"others that have grown since may have had less then", func() { q.usage, q.rss, p.maxRSS = 240*MB, 270*MB, 190*MB }, 260 * MB},
	} {
		step.do()
		s, err := tracker.Sample()
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Trees["t"].Peak; got != step.peak {
			t.Errorf("%s: peak %v, want %v", step.claim, got, step.peak)
		}
	}
	if sum := tracker.Untrack("t"); sum.MaxRSS != 270*MB {
		t.Errorf("the highest resident set is %v", sum.MaxRSS)
	}
}

// TestForksMissNothing: a fork that gives back the pages of its parent held nothing more.
func TestForksMissNothing(t *testing.T) {
	f := newFakeTable()
	for pid, parent := range map[int]int{200: fakeSelf, 201: 200} {
		p := f.add(pid, parent)
		p.image, p.usage, p.rss, p.maxRSS = 7, 10*MB, 10*MB, 10*MB
	}
	f.processes[201].maxRSS = 300 * MB
	tracker := fakeTracker(t, f)
	tracker.Track("t", 200)
	usageOf(t, tracker)
	if sum := tracker.Untrack("t"); sum.Peak > 20*MB {
		t.Errorf("peak %v", sum.Peak)
	}
}

// TestUnmapped: shared memory that came since the start and that nothing maps.
func TestUnmapped(t *testing.T) {
	f := newFakeTable()
	p := f.add(200, fakeSelf)
	tracker := fakeTracker(t, f)
	now := 800 * MB
	tracker.shmem = shmem{read: func() (Bytes, error) { return now, nil }}
	tracker.shmem.note()
	tracker.Track("t", 200)
	for _, step := range []struct {
		claim          string
		shmem, mapped  Bytes
		unmapped, tree Bytes
	}{
		{"what was there before does not count", 800 * MB, 0, 0, MB},
		{"a file", 1300 * MB, 0, 500 * MB, MB},
		{"a file that is mapped", 1300 * MB, 500 * MB, 0, 501 * MB},
		{"half of it is mapped", 1300 * MB, 250 * MB, 250 * MB, 251 * MB},
		{"something that was there before is mapped", 800 * MB, 300 * MB, 0, 301 * MB},
		{"some of what was there before is gone", 500 * MB, 0, 0, MB},
		{"and something came", 600 * MB, 0, 100 * MB, MB},
	} {
		now, p.shmem = step.shmem, step.mapped
		s, err := tracker.Sample()
		if err != nil {
			t.Fatal(err)
		}
		if s.Unmapped != step.unmapped || s.Trees["t"].Usage != step.tree {
			t.Errorf("%s: %v, and the tree uses %v", step.claim, s.Unmapped, s.Trees["t"].Usage)
		}
	}
}
