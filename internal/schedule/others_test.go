package schedule

import (
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// TestOthers: memory that other programs hold pauses attempts, and fails none. The run
// may use 1000 MB, and the kernel acts at 1100.
func TestOthers(t *testing.T) {
	for claim, play := range map[string]func(t *testing.T){
		"pauses a lone attempt instead of giving up on it": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb)
			s.others = 600 * mb
			s.want(s.after(time.Minute, 400), "")
			s.want(s.after(time.Second, 460), "collect, freeze a")
		},
		"lets it go on as soon as there is room": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb)
			s.others = 600 * mb
			s.want(s.after(time.Minute, 460), "collect, freeze a")
			s.others = 560 * mb
			s.want(s.after(2*time.Second), "")
			s.others = 500 * mb
			s.want(s.after(time.Second), "thaw a")
		},
		"stops it if the others take still more": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb)
			s.others = 600 * mb
			s.want(s.after(time.Minute, 453), "collect, freeze a")
			s.others = 615 * mb
			s.want(s.after(time.Second), "")
			s.others = 620 * mb
			s.want(s.after(time.Second), "yield a")
		},
		"pauses it in time if the others grow too": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb)
			s.others = 400 * mb
			s.want(s.after(time.Minute, 450), "")
			s.others = 500 * mb
			s.want(s.after(500*time.Millisecond, 450), "")
			s.others = 575 * mb
			s.want(s.after(50*time.Millisecond, 450), "collect, freeze a")
		},
		"stops it if it is paused for long": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb)
			s.others = 600 * mb
			s.want(s.after(time.Minute, 460), "collect, freeze a")
			s.others = 580 * mb
			s.want(s.after(29*time.Second), "")
			s.want(s.after(time.Second), "yield a")
		},
		"gives up on it if they hold next to nothing": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb)
			s.others = 90 * mb
			s.want(s.after(time.Minute, 965), "collect")
			s.want(s.after(time.Second, 996), "give up a")
		},
		"counts no stop and raises no need more than it had": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb, 300*mb)
			s.others = 500 * mb
			s.want(s.after(time.Minute, 320, 260), "collect, freeze b")
			s.want(s.after(time.Second, 320, 260), "yield b")
			b := s.l.jobs["b"]
			s.end("b", Outcome{Result: Again})
			if b.stops != 0 || b.alone || b.need() != 300*mb {
				t.Errorf("%d stops, alone %v, need %v", b.stops, b.alone, b.need())
			}
		},
		"gives way to an older run as soon as memory is short, with the oldest attempt too": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 100*mb, 100*mb)
			s.others, s.elder = 600*mb, true
			s.want(s.after(time.Minute, 210, 210), "collect, freeze b")
			s.want(s.after(100*time.Millisecond), "")
			s.want(s.after(time.Second), "collect, freeze a")
			s.want(s.after(time.Second), "yield b")
			s.want(s.after(time.Second), "") // room is being made
			s.end("b", Outcome{Result: Again})
			delete(s.used, "b")
			s.others = 750 * mb
			s.want(s.after(time.Second), "")
			s.others = 800 * mb
			s.want(s.after(time.Second), "yield a")
		},
		"stops everything for an older run when the kernel is about to act": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 100*mb, 100*mb)
			s.others, s.elder = 600*mb, true
			s.want(s.after(time.Minute, 230, 230), "yield a, yield b")
		},
		"waits for what it stopped for an older run, even if that does not end in time": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 100*mb, 100*mb)
			s.others, s.elder = 600*mb, true
			s.want(s.after(time.Minute, 230, 230), "yield a, yield b")
			s.others = 480 * mb
			s.want(s.after(time.Minute), "")
		},
		"lets a paused attempt go on beside an older run once it fits": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb)
			s.others, s.elder = 750*mb, true
			s.want(s.after(time.Minute, 260), "collect, freeze a")
			s.others = 720 * mb
			s.want(s.after(2*time.Second), "")
			s.others = 600 * mb
			s.want(s.after(2*time.Second), "thaw a")
		},
		"does not freeze what a pause made fail": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb)
			s.l.jobs["a"].steady = true
			s.others = 600 * mb
			s.want(s.after(time.Minute, 460), "yield a")
		},
	} {
		t.Run(claim, play)
	}
}

// TestWaiting: what gave way to others starts again when it fits, or when they are gone.
func TestWaiting(t *testing.T) {
	waiting := func(t *testing.T) (*stage, *int) {
		told := new(int)
		s := running(t, Options{Crowded: func(others memtools.Bytes) {
			if *told++; others < 600*mb {
				t.Errorf("others hold %v", others)
			}
		}}, 1000*mb, 300*mb)
		s.others = 600 * mb
		s.want(s.after(time.Minute, 453), "collect, freeze a")
		s.others = 700 * mb
		s.want(s.after(time.Second), "yield a")
		s.want(s.after(time.Second, 0), "") // it ends
		s.end("a", Outcome{Result: Again})
		delete(s.used, "a")
		return s, told
	}
	starts := func(s *stage) int { return len(s.l.admit(s.memory())) }
	t.Run("not before that, and it is told once", func(t *testing.T) {
		s, told := waiting(t)
		if n := starts(s) + starts(s); n > 0 || s.l.idle() || *told != 1 {
			t.Errorf("%d start, idle %v, told %d times", n, s.l.idle(), *told)
		}
	})
	t.Run("not at once, as the others may have stopped too", func(t *testing.T) {
		s, _ := waiting(t)
		s.others = 1
		if n := starts(s); n != 0 || s.l.idle() {
			t.Errorf("%d start, idle %v", n, s.l.idle())
		}
	})
	t.Run("as soon as it fits", func(t *testing.T) {
		s, _ := waiting(t)
		s.now, s.others = s.now.Add(6*time.Second), 430*mb
		if n := starts(s); n != 1 || s.l.jobs["a"].need() != 453*mb*5/4 {
			t.Errorf("%d start with a need of %v", n, s.l.jobs["a"].need())
		}
	})
	t.Run("whatever it needs, once the others are gone", func(t *testing.T) {
		s, _ := waiting(t)
		s.l.jobs["a"].floor = 5000 * mb
		s.now, s.others = s.now.Add(6*time.Second), 50*mb
		if n := starts(s); n != 1 {
			t.Errorf("%d start", n)
		}
	})
	t.Run("a smaller one goes before it", func(t *testing.T) {
		s, _ := waiting(t)
		s.now = s.now.Add(6 * time.Second)
		s.l.arrive(Job{ID: "b", Estimate: Estimate{Need: 100 * mb}})
		if n := starts(s); n != 1 || s.l.running[0].ID != "b" {
			t.Errorf("%d start", n)
		}
	})
	t.Run("not at all after the end of the run", func(t *testing.T) {
		s, _ := waiting(t)
		s.l.stopped = true
		if n := starts(s); n != 0 || !s.l.idle() {
			t.Errorf("%d start, idle %v", n, s.l.idle())
		}
	})
	t.Run("a first attempt waits only for an older run", func(t *testing.T) {
		for _, elder := range []bool{false, true} {
			s := &stage{t: t, now: time.Unix(0, 0), budget: 1000 * mb, limit: 1100 * mb, used: map[string]memtools.Bytes{}, others: 800 * mb, elder: elder}
			s.l = newLedger([]Job{{ID: "a", Estimate: Estimate{Need: 300 * mb}}}, Options{})
			if n := starts(s); n == 1 == elder {
				t.Errorf("with an older run %v: %d start", elder, n)
			}
		}
	})
}

// TestFragile: builds are frozen before tests.
func TestFragile(t *testing.T) {
	tests := func(s *stage, ids ...string) *stage {
		for _, id := range ids {
			s.l.jobs[id].Fragile = true
		}
		return s
	}
	for claim, play := range map[string]func(t *testing.T){
		"a build is frozen before a newer test": func(t *testing.T) {
			s := tests(running(t, Options{}, 1000*mb, 100*mb, 100*mb, 100*mb), "c")
			s.want(s.after(time.Minute, 400, 400, 210), "collect, freeze b")
		},
		"even the oldest, which is not stopped for it": func(t *testing.T) {
			s := tests(running(t, Options{}, 1000*mb, 100*mb, 100*mb), "b")
			s.want(s.after(time.Minute, 600, 401), "collect, freeze a")
			s.want(s.after(time.Second, 600, 450), "stop b")
			s.end("b", Outcome{Result: Again})
			delete(s.used, "b")
			s.want(s.after(time.Second), "thaw a")
		},
		"of tests alone the newest is frozen": func(t *testing.T) {
			s := tests(running(t, Options{}, 1000*mb, 100*mb, 100*mb), "a", "b")
			s.want(s.after(time.Minute, 600, 401), "collect, freeze b")
		},
		"when there is no time, all but the oldest test": func(t *testing.T) {
			s := tests(running(t, Options{}, 1000*mb, 100*mb, 100*mb, 100*mb), "b", "c")
			s.want(s.after(time.Second, 100, 100, 100), "")
			s.want(s.after(250*time.Millisecond, 300, 300, 300), "collect, freeze c, freeze a")
		},
		"a test is no guest": func(t *testing.T) {
			l := newLedger([]Job{{ID: "a", Estimate: Estimate{Need: 600 * mb}}, {ID: "b", Fragile: true, Estimate: Estimate{Need: 500 * mb}}}, Options{CPUs: 8})
			if n := len(l.admit(Memory{Budget: 1000 * mb})); n != 1 {
				t.Errorf("%d start", n)
			}
		},
	} {
		t.Run(claim, play)
	}
}

// TestPausedAttempt: an attempt that may have failed of a pause is not frozen again.
func TestPausedAttempt(t *testing.T) {
	s := running(t, Options{}, 1000*mb, 300*mb)
	j := s.l.jobs["a"]
	s.end("a", Outcome{Result: Again, Alone: true, Paused: time.Minute, Need: 400 * mb})
	if got := s.l.admit(s.memory()); len(got) != 1 || j.grant().PausedBefore() != time.Minute || !j.steady || !j.alone || j.need() != 400*mb {
		t.Errorf("%d start: steady %v, alone %v, need %v", len(got), j.steady, j.alone, j.need())
	}
}

// TestRoom: what an attempt is told that it may use is not reserved for others.
func TestRoom(t *testing.T) {
	l := newLedger([]Job{{ID: "a", Estimate: Estimate{Need: 300 * mb}}, {ID: "b", Estimate: Estimate{Need: 200 * mb}}}, Options{CPUs: 8})
	started := l.admit(Memory{Budget: 1000 * mb, Rest: 50 * mb})
	if a, b := started[0].grant(), started[1].grant(); a.Room != 950*mb || b.Room != 650*mb {
		t.Errorf("room for %v and %v", a.Room, b.Room)
	}
	l = newLedger([]Job{{ID: "a"}}, Options{})
	if g := l.admit(Memory{})[0].grant(); g.Room != 0 {
		t.Errorf("room for %v without a budget", g.Room)
	}
}

// TestLeaving: the memory of a process that ends is for a moment in use and of no process.
func TestLeaving(t *testing.T) {
	var c crowd
	at := func(after time.Duration, usage, budget memtools.Bytes) memtools.Bytes {
		return c.withoutLeaving(Memory{Time: time.Unix(1e9, 0).Add(after), Usage: usage, Budget: budget, Most: 1000 * mb}).others()
	}
	for _, tt := range []struct {
		after                 time.Duration
		usage, budget, others memtools.Bytes
	}{
		{0, 600 * mb, 1000 * mb, 0},
		{time.Second, 10 * mb, 410 * mb, 0},                        // it ends
		{time.Second + time.Second/4, 10 * mb, 300 * mb, 110 * mb}, // others take memory meanwhile
		{4 * time.Second, 10 * mb, 410 * mb, 590 * mb},             // nothing was freed: it is not ours
		{5 * time.Second, 10 * mb, 1000 * mb, 0},
	} {
		if got := at(tt.after, tt.usage, tt.budget); got != tt.others {
			t.Errorf("after %v others hold %v, want %v", tt.after, got, tt.others)
		}
	}
}
