package schedule

import (
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

const mb = memtools.MB

// stage is a ledger with running attempts and a clock that the test sets.
type stage struct {
	t   *testing.T
	l   *ledger
	now time.Time
	// budget and limit are those of the run, used is what each job's attempt uses.
	budget, limit memtools.Bytes
	used          map[string]memtools.Bytes
	// others is what other programs hold, and elder is true if one is an older run.
	others memtools.Bytes
	elder  bool
	// swap is free swap space, and stalled the share of time in a wait for memory.
	swap    memtools.Bytes
	stalled float64
	// cpu is the processor time of each job's attempt.
	cpu map[string]time.Duration
}

// running starts a job for each need: "a", the oldest, then "b", and so on.
func running(t *testing.T, o Options, budget memtools.Bytes, needs ...memtools.Bytes) *stage {
	t.Helper()
	s := &stage{t: t, now: time.Unix(0, 0), budget: budget, limit: budget + 100*mb, used: map[string]memtools.Bytes{}, cpu: map[string]time.Duration{}}
	var jobs []Job
	for i, need := range needs {
		id := string(rune('a' + i))
		jobs = append(jobs, Job{ID: id, Estimate: Estimate{Need: need, Length: time.Minute}})
		s.used[id] = 0
	}
	o.CPUs = 16
	s.l = newLedger(jobs, o)
	if got := len(s.l.admit(s.memory())); got != len(needs) {
		t.Fatalf("%d of %d run", got, len(needs))
	}
	return s
}

func (s *stage) memory() Memory {
	m := Memory{Time: s.now, Budget: s.budget, Tasks: s.used, CPU: s.cpu, Swap: s.swap, Stalled: s.stalled}
	for _, u := range s.used {
		m.Usage += u
	}
	m.Available = max(0, s.limit-m.Usage-s.others)
	if s.others > 0 {
		m.Most, m.Elder = s.budget, s.elder
		m.Budget = min(s.budget, m.Usage+m.Available-(s.limit-s.budget))
	}
	return s.l.withAside(m)
}

// after sets the clock forward by d, and the usages to what is given, in MB. It
// returns the corrections, as "freeze b, collect".
func (s *stage) after(d time.Duration, used ...memtools.Bytes) string {
	s.t.Helper()
	s.now = s.now.Add(d)
	for i, u := range used {
		s.used[string(rune('a'+i))] = u * mb
	}
	names := map[kind]string{freeze: "freeze", thaw: "thaw", stop: "stop", yield: "yield", putOff: "put off", giveUp: "give up", collect: "collect"}
	var texts []string
	for _, c := range s.l.correct(s.memory()) {
		text := names[c.kind]
		if c.job != nil {
			text += " " + c.job.ID
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

func (s *stage) end(id string, o Outcome) { s.l.end(s.l.jobs[id], o) }

func (s *stage) want(got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Fatalf("at %v: got %q, want %q", s.now.Sub(time.Unix(0, 0)), got, want)
	}
}

func TestLadder(t *testing.T) {
	for claim, play := range map[string]func(t *testing.T){
		"leaves alone what stays inside": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 400*mb, 400*mb)
			s.want(s.after(time.Second, 300, 300), "")
			s.want(s.after(time.Second, 390, 390), "")
		},
		"allows fast growth up to a need": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 500*mb, 400*mb)
			s.want(s.after(time.Second, 50, 50), "")
			s.want(s.after(250*time.Millisecond, 300, 200), "")
		},
		"freezes the newest when usage passes the budget, and collects": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 100*mb, 100*mb, 100*mb)
			s.want(s.after(time.Second, 100, 100, 100), "")
			s.want(s.after(time.Minute, 400, 400, 210), "collect, freeze c")
		},
		"freezes the newest when growth beyond a need will pass the limit soon": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 100*mb, 100*mb)
			s.want(s.after(time.Second, 200, 200), "")
			s.want(s.after(500*time.Millisecond, 400, 300), "collect, freeze b")
		},
		"freezes all but the oldest at once when there is no time": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 100*mb, 100*mb, 100*mb)
			s.want(s.after(time.Second, 100, 100, 100), "")
			s.want(s.after(250*time.Millisecond, 300, 300, 300), "collect, freeze b, freeze c")
		},
		"freezes earlier while processes wait for memory": func(t *testing.T) {
			for stalled, want := range map[float64]string{0.05: "", 0.1: "collect, freeze b"} {
				s := running(t, Options{}, 1000*mb, 100*mb, 100*mb)
				s.stalled = stalled
				s.want(s.after(time.Second, 300, 200), "")
				s.want(s.after(500*time.Millisecond, 400, 225), want)
			}
		},
		"corrects nothing only because processes wait for memory": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 100*mb, 100*mb)
			s.stalled = 1
			s.want(s.after(time.Second, 400, 400), "")
			s.want(s.after(time.Second, 400, 400), "")
		},
		"ends a lone attempt only once there is no swap space left": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 100*mb)
			s.swap = 100 * mb
			s.want(s.after(time.Second, 1090), "collect")
			s.want(s.after(time.Second, 1090), "collect")
			s.swap = 0
			s.want(s.after(time.Second, 1090), "give up a")
		},
		"waits for the last correction to show": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 100*mb, 100*mb, 100*mb)
			s.want(s.after(time.Minute, 400, 300, 301), "collect, freeze c")
			s.want(s.after(50*time.Millisecond, 400, 300, 301), "")
			s.want(s.after(time.Second, 400, 300, 301), "collect, freeze b")
		},
		"stops the newest that is frozen when the oldest still lacks room": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 100*mb, 100*mb)
			s.want(s.after(time.Minute, 600, 401), "collect, freeze b")
			s.want(s.after(time.Second, 620, 401), "stop b")
			s.want(s.after(time.Second, 620, 401), "") // room is being made
			s.end("b", Outcome{Result: Again})
			delete(s.used, "b")
			s.want(s.after(time.Second, 620), "")
		},
		"stops another if one that was stopped does not end": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 100*mb, 100*mb, 100*mb)
			s.want(s.after(time.Minute, 400, 301, 300), "collect, freeze c")
			s.want(s.after(time.Second, 400, 301, 300), "collect, freeze b")
			s.want(s.after(time.Second, 400, 301, 300), "stop c")
			s.want(s.after(stopTimeout-time.Second, 400, 301, 300), "")
			s.want(s.after(time.Second, 400, 301, 300), "stop b")
		},
		"keeps it frozen if that is wanted, until the kernel is about to act": func(t *testing.T) {
			s := running(t, Options{KeepFrozen: true}, 1000*mb, 100*mb, 100*mb)
			s.want(s.after(time.Minute, 600, 401), "collect, freeze b")
			s.want(s.after(time.Second, 620, 401), "")
			s.want(s.after(time.Second, 670, 401), "stop b")
		},
		"lets a frozen attempt go on once there has been room for a while": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb, 300*mb)
			s.want(s.after(time.Minute, 500, 501), "collect, freeze b")
			s.budget, s.limit = 2000*mb, 2100*mb // others gave back memory
			s.want(s.after(100*time.Millisecond), "")
			s.want(s.after(2*time.Second), "thaw b")
		},
		"lets a frozen attempt go on at once when nothing else moves": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb, 300*mb)
			s.want(s.after(time.Minute, 500, 501), "collect, freeze b")
			s.end("a", Outcome{})
			delete(s.used, "a")
			s.now = s.now.Add(10 * time.Millisecond)
			s.want(s.after(0), "thaw b")
		},
		"lets a frozen attempt go on when nothing else moves, even if memory is short": func(t *testing.T) {
			s := running(t, Options{KeepFrozen: true}, 1000*mb, 300*mb, 300*mb)
			s.want(s.after(time.Minute, 500, 501), "collect, freeze b")
			s.end("a", Outcome{})
			delete(s.used, "a")
			s.budget, s.limit = 300*mb, 900*mb // another program took the memory
			s.want(s.after(time.Second), "thaw b")
			s.want(s.after(time.Second), "")
		},
		"lets a lone attempt exceed the budget while the machine has memory": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb)
			s.want(s.after(time.Minute, 1040), "")
		},
		"collects when a lone attempt is about to exceed what the machine has": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb)
			s.want(s.after(time.Minute, 800), "")
			s.want(s.after(500*time.Millisecond, 900), "collect")
			s.want(s.after(100*time.Millisecond, 920), "") // it takes a moment
		},
		"gives up on a lone attempt before the kernel acts, once garbage was collected": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb)
			s.want(s.after(time.Minute, 1060), "collect")
			s.want(s.after(time.Second, 1080), "collect")
			s.want(s.after(50*time.Millisecond, 1090), "give up a")
		},
		"lets a lone attempt come near the limit if it hardly grows": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb)
			s.want(s.after(time.Minute, 1060), "collect")
			for range 4 {
				s.want(s.after(time.Second, 1080), "collect")
			}
		},
		"gives up on a lone attempt earlier if it grows fast": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb)
			s.want(s.after(time.Minute, 700), "")
			s.want(s.after(250*time.Millisecond, 900), "collect")
			s.want(s.after(100*time.Millisecond, 960), "collect")
			s.want(s.after(50*time.Millisecond, 1020), "give up a") // 80 MB come in 100 ms
		},
		"gives up on a lone attempt without a collection only after one more measurement": func(t *testing.T) {
			s := running(t, Options{}, 1000*mb, 300*mb)
			s.want(s.after(time.Minute, 1095), "collect")
			s.want(s.after(50*time.Millisecond, 1095), "give up a")
		},
		"ends no second attempt while the memory of the first is being freed": func(t *testing.T) {
			s := running(t, Options{KeepFrozen: true}, 1000*mb, 100*mb, 100*mb)
			s.want(s.after(time.Minute, 600, 401), "collect, freeze b")
			s.want(s.after(time.Second, 690, 401), "stop b")
			s.end("b", Outcome{Result: Again})
			s.want(s.after(50*time.Millisecond, 690, 401), "")
			s.want(s.after(400*time.Millisecond, 690, 401), "")
			s.want(s.after(100*time.Millisecond, 690, 401), "give up a")
		},
		"does nothing if memory bounds nothing": func(t *testing.T) {
			s := running(t, Options{}, 0, 300*mb)
			s.want(s.after(time.Minute, 9000), "")
		},
	} {
		t.Run(claim, play)
	}
}

func TestPutBack(t *testing.T) {
	stopped := func(t *testing.T, used memtools.Bytes) *job {
		s := running(t, Options{}, 1000*mb, 100*mb, 200*mb)
		s.want(s.after(time.Minute, 950-used, used+51), "collect, freeze b")
		s.want(s.after(time.Second, 950-used, used+51), "stop b")
		j := s.l.jobs["b"]
		s.end("b", Outcome{Result: Again})
		return j
	}
	t.Run("does not raise the need of a job that kept to it", func(t *testing.T) {
		if j := stopped(t, 100); j.need() != 200*mb || j.alone {
			t.Errorf("%v, alone %v", j.need(), j.alone)
		}
	})
	t.Run("raises the need of a job that exceeded it", func(t *testing.T) {
		if j := stopped(t, 349); j.need() != 600*mb {
			t.Errorf("%v", j.need())
		}
	})
	t.Run("runs a job alone after two stops", func(t *testing.T) {
		j := stopped(t, 100)
		j.stopping = true
		l := &ledger{jobs: map[string]*job{"b": j}}
		l.end(j, Outcome{Result: Again})
		if !j.alone {
			t.Error("it does not")
		}
	})
	t.Run("starts nothing beside a job that runs alone", func(t *testing.T) {
		l := newLedger([]Job{{ID: "a", Estimate: Estimate{Length: time.Hour}}, {ID: "b"}}, Options{CPUs: 8})
		l.jobs["a"].alone = true
		if got := len(l.admit(Memory{Time: time.Unix(0, 0)})); got != 1 {
			t.Errorf("%d run", got)
		}
	})
}
