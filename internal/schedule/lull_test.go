package schedule

import (
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// waiting has a job arrive that waits for room.
func (s *stage) waiting(j Job) {
	s.l.arrive(j)
	s.want(s.admits(), "")
}

// admits starts what may start now, and returns it as "c d".
func (s *stage) admits() string {
	var ids []string
	for _, j := range s.l.admit(s.memory()) {
		ids = append(ids, j.ID)
		s.used[j.ID] = 0
	}
	return strings.Join(ids, " ")
}

// pass lets d pass in seconds, with a measurement and no correction in each, and returns
// what started meanwhile and the last correction.
func (s *stage) pass(d time.Duration) (started, corrected string) {
	for range d / time.Second {
		corrected = s.after(time.Second)
		started += s.admits()
	}
	return started, corrected
}

func TestLull(t *testing.T) {
	hidden := Options{HiddenWaits: true, KeepFrozen: true}
	need := func(n memtools.Bytes) Estimate { return Estimate{Need: n * mb, Length: time.Minute} }
	wantStarts := func(s *stage, d time.Duration, want string) {
		s.t.Helper()
		started, _ := s.pass(d)
		s.want(started, want)
	}
	for claim, play := range map[string]func(t *testing.T){
		"starts one after the other when those that move do nothing": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 900*mb)
			s.used["a"] = 800 * mb
			s.waiting(Job{ID: "b", Estimate: need(500)})
			s.waiting(Job{ID: "c", Estimate: need(500)})
			wantStarts(s, 2*time.Second, "")
			wantStarts(s, time.Second, "b")
			wantStarts(s, 2*time.Second, "")
			wantStarts(s, time.Second, "c")
		},
		"has a lone attempt that is at the edge run after smaller ones": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 900*mb)
			s.used["a"] = 1000 * mb
			s.waiting(Job{ID: "b", Estimate: need(500)})
			s.waiting(Job{ID: "c", Estimate: Estimate{Need: 600 * mb, Length: time.Second}})
			s.want(s.after(time.Second, 1095), "collect")
			s.want(s.after(50*time.Millisecond), "put off a")
			s.end("a", Outcome{Result: Again})
			delete(s.used, "a")
			s.want(s.after(0), "")
			s.want(s.admits(), "b")
			s.waiting(Job{ID: "d", Estimate: need(500)})
			s.l.jobs["d"].Length, s.l.jobs["d"].path = time.Nanosecond, 0 // it would be last, and came later
			s.end("b", Outcome{})
			delete(s.used, "b")
			s.want(s.admits(), "c")
			s.end("c", Outcome{})
			delete(s.used, "c")
			s.want(s.admits(), "a")
			s.want(s.after(time.Second, 1095), "put off a")
			s.end("a", Outcome{Result: Again})
			delete(s.used, "a")
			s.want(s.after(0), "")
			s.want(s.admits(), "d")
			s.end("d", Outcome{})
			delete(s.used, "d")
			s.want(s.admits(), "a")
			s.want(s.after(time.Second, 1095), "collect")
			s.want(s.after(50*time.Millisecond), "give up a")
		},
		"ends it if it must not run again, or nothing smaller waits": func(t *testing.T) {
			for claim, change := range map[string]func(a, b *job){
				"it must not":          func(a, _ *job) { a.Once = true },
				"it was stopped often": func(a, _ *job) { a.stops = maxSetbacks },
				"no smaller one waits": func(_, b *job) { b.floor = 2000 * mb },
			} {
				s := running(t, hidden, 1000*mb, 900*mb)
				s.used["a"] = 1000 * mb
				s.waiting(Job{ID: "b", Estimate: need(500)})
				change(s.l.jobs["a"], s.l.jobs["b"])
				s.want(s.after(time.Second, 1095), "collect")
				if got := s.after(50 * time.Millisecond); got != "give up a" {
					t.Errorf("%s: %s", claim, got)
				}
			}
		},
		"starts nothing while they work or grow": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 900*mb)
			s.used["a"] = 600 * mb
			s.waiting(Job{ID: "b", Estimate: need(500)})
			for range 10 {
				s.cpu["a"] += 60 * time.Millisecond
				wantStarts(s, time.Second, "")
			}
			for range 10 { // a process has ended that had waited for others
				s.cpu["a"] -= 10 * time.Millisecond
				wantStarts(s, time.Second, "")
			}
			for range 10 {
				s.used["a"] += 17 * mb
				wantStarts(s, time.Second, "")
			}
			s.cpu["a"] += 40 * time.Millisecond
			wantStarts(s, 2*time.Second, "b")
		},
		"takes longer if they ask again and again": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 900*mb)
			s.used["a"] = 800 * mb
			s.waiting(Job{ID: "b", Estimate: need(500)})
			for range 30 {
				s.cpu["a"] += 400 * time.Millisecond
				wantStarts(s, time.Second, "")
			}
			s.cpu["a"] += 400 * time.Millisecond
			wantStarts(s, time.Second, "b")
		},
		"takes longer if the system does not tell processor times": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 900*mb)
			s.cpu, s.used["a"] = nil, 800*mb
			s.waiting(Job{ID: "b", Estimate: need(500)})
			wantStarts(s, 30*time.Second, "")
			wantStarts(s, time.Second, "b")
		},
		"starts nothing in a lull of tasks that do not wait": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 900*mb)
			s.used["a"] = 800 * mb
			s.waiting(Job{ID: "b", Estimate: need(500)})
			wantStarts(s, time.Hour, "")
		},
		"starts what measured usage has left room for, but nothing alone": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 900*mb)
			s.l.running[0].started = s.l.running[0].started.Add(-time.Hour)
			s.used["a"] = 450 * mb
			s.waiting(Job{ID: "b", Estimate: need(500)})
			s.waiting(Job{ID: "c", Estimate: need(500)})
			s.waiting(Job{ID: "d", Estimate: need(500)})
			s.l.jobs["b"].alone = true
			s.l.jobs["c"].Length, s.l.jobs["d"].Length = time.Second, time.Second
			for i, next := range []string{"c", "d"} { // what c takes has to show before d starts
				for range 9 + i {
					s.cpu["a"] += time.Second
					wantStarts(s, time.Second, "")
				}
				s.cpu["a"] += time.Second
				wantStarts(s, time.Second, next)
			}
			for range 20 {
				s.cpu["a"] += time.Second
				wantStarts(s, time.Second, "")
			}
		},
		"leaves room for those that have not run for as long as they are expected to": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 900*mb)
			s.l.running[0].Length = time.Minute
			s.used["a"] = 450 * mb
			s.waiting(Job{ID: "b", Estimate: need(500)})
			for range 69 {
				s.cpu["a"] += time.Second
				wantStarts(s, time.Second, "")
			}
			s.cpu["a"] += time.Second
			wantStarts(s, time.Second, "b")
		},
		"does not grant alone what starts beside others": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 900*mb)
			s.used["a"] = 800 * mb
			s.waiting(Job{ID: "b", Estimate: need(500)})
			b := s.l.jobs["b"]
			b.alone = true
			wantStarts(s, 3*time.Second, "b")
			if b.grant().Alone {
				t.Error("it does")
			}
		},
		"lets what is frozen go on, each time after a longer lull, and then for good": func(t *testing.T) {
			for last, once := range map[time.Duration]bool{16: false, 600: true} {
				s := running(t, hidden, 1000*mb, 300*mb, 300*mb)
				s.l.jobs["a"].Once, s.l.jobs["b"].Once = true, once
				s.want(s.after(time.Second, 600, 401), "collect, freeze b")
				for _, lull := range []time.Duration{2, 4, 8, last} {
					s.limit = 3000 * mb
					wantStarts(s, lull*time.Second, "")
					s.want(s.after(time.Second), "thaw b")
					s.want(s.after(time.Second), "") // the limit is far
					s.limit = s.used["a"] + s.used["b"] + 90*mb
					s.want(s.after(time.Second), "")
					s.used["b"] += 60 * mb
					switch got := s.after(time.Second); {
					case lull < last:
						s.want(got, "collect, freeze b")
					case once:
						s.want(got, "collect")
					default:
						s.want(got, "stop b")
					}
				}
			}
		},
		"starts nothing while something is frozen, nor in the lull that ended that": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 300*mb, 300*mb)
			s.waiting(Job{ID: "c", Estimate: need(900)})
			s.want(s.after(time.Second, 600, 401), "collect, freeze b")
			s.limit = 3000 * mb
			s.l.jobs["b"].thaws = 1
			wantStarts(s, 4*time.Second, "")
			s.want(s.after(time.Second), "thaw b")
			s.want(s.admits(), "")
			wantStarts(s, 2*time.Second, "")
			wantStarts(s, time.Second, "c")
		},
		"makes room in a lull if there is none, by what can be stopped": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 300*mb, 300*mb, 300*mb)
			s.l.jobs["b"].Once = true
			s.want(s.after(time.Second, 500, 301, 200), "collect, freeze c")
			s.want(s.after(time.Second), "collect, freeze b")
			s.budget, s.limit = 1010*mb, 1040*mb
			for range 2 {
				s.want(s.after(time.Second), "")
			}
			s.want(s.after(time.Second), "stop c")
		},
		"starts what was stopped often only after a long lull": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 900*mb)
			s.used["a"] = 800 * mb
			s.waiting(Job{ID: "b", Estimate: need(500)})
			s.l.jobs["b"].stops = 3
			wantStarts(s, 16*time.Second, "")
			wantStarts(s, time.Second, "b")
			s.end("b", Outcome{Result: Again})
			s.l.jobs["b"].stops = 4
			wantStarts(s, 600*time.Second, "")
			wantStarts(s, time.Second, "b")
		},
		"neither starts nor thaws anything while others go first": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 300*mb, 300*mb)
			s.want(s.after(time.Second, 500, 501), "collect, freeze b")
			s.others, s.elder, s.budget, s.limit = 300*mb, true, 1500*mb, 1600*mb
			for range 60 {
				s.want(s.after(time.Second), "")
			}
			s.end("b", Outcome{})
			delete(s.used, "b")
			s.waiting(Job{ID: "c", Estimate: need(2000)})
			wantStarts(s, time.Minute, "")
		},
	} {
		t.Run(claim, play)
	}
}

func TestOnce(t *testing.T) {
	hidden := Options{HiddenWaits: true, KeepFrozen: true}
	once := func(s *stage, ids string) {
		for _, id := range strings.Fields(ids) {
			s.l.jobs[id].Once = true
		}
	}
	for claim, play := range map[string]func(t *testing.T){
		"stops what can be stopped, whatever its age": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 300*mb, 300*mb)
			once(s, "b")
			s.want(s.after(time.Second, 600, 401), "collect, freeze b")
			s.want(s.after(time.Second, 660, 401), "stop a")
		},
		"spares the oldest if another can be stopped": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 300*mb, 300*mb, 300*mb)
			once(s, "c")
			s.want(s.after(time.Second, 400, 301, 300), "collect, freeze c")
			s.want(s.after(time.Second, 400, 301, 300), "collect, freeze b")
			s.want(s.after(time.Second, 455, 301, 300), "stop b")
		},
		"stops at the edge before it freezes": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 300*mb, 300*mb, 300*mb)
			once(s, "a b")
			s.want(s.after(time.Second, 400, 400, 290), "stop c")
		},
		"freezes all at the edge that must not be stopped": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 300*mb, 300*mb, 300*mb)
			once(s, "a b c")
			s.want(s.after(time.Second, 400, 400, 290), "collect, freeze b, freeze c")
			s.want(s.after(50*time.Millisecond, 400, 400, 290), "give up c")
		},
		"ends the newest at the edge, and then the last": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 300*mb, 300*mb)
			once(s, "a b")
			s.want(s.after(time.Second, 600, 401), "collect, freeze b")
			s.want(s.after(time.Second, 660, 401), "collect")
			s.want(s.after(time.Second, 690, 401), "give up b")
			s.end("b", Outcome{Result: Failed})
			delete(s.used, "b")
			s.want(s.after(time.Second, 1090), "collect")
			s.want(s.after(time.Second, 1090), "give up a")
		},
		"freezes it for others, and ends it only at the edge": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 300*mb)
			once(s, "a")
			s.others = 800 * mb
			s.want(s.after(time.Second, 270), "collect, freeze a")
			s.want(s.after(time.Hour, 270), "")
			s.others = 820 * mb
			s.want(s.after(time.Second, 270), "give up a")
		},
		"freezes it for an older run": func(t *testing.T) {
			s := running(t, hidden, 1000*mb, 300*mb, 300*mb)
			once(s, "a")
			s.others, s.elder = 800*mb, true
			s.want(s.after(time.Second, 200, 90), "collect, freeze a, yield b")
		},
	} {
		t.Run(claim, play)
	}
}
