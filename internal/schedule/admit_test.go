package schedule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

func TestAdmission(t *testing.T) {
	job := func(id string, need memtools.Bytes, length time.Duration, cores float64) Job {
		return Job{ID: id, Estimate: Estimate{Need: need * mb, Length: length, Cores: cores}}
	}
	for _, tt := range []struct {
		claim string
		jobs  []Job
		o     Options
		m     Memory
		want  string
		// guests lets the ledger start one.
		guests bool
	}{
		{"starts the longest first, as many as the processors allow",
			[]Job{job("s", 1, 1, 0), job("l", 1, 9, 0), job("m", 1, 5, 0)}, Options{CPUs: 2}, Memory{}, "l m", false},
		{"counts a job that keeps several processors busy as several",
			[]Job{job("a", 1, 9, 2.8), job("b", 1, 5, 1), job("c", 1, 3, 1)}, Options{CPUs: 4}, Memory{}, "a b", false},
		{"starts more if they mostly wait",
			[]Job{job("a", 1, 9, .2), job("b", 1, 8, .2), job("c", 1, 7, .2)}, Options{CPUs: 1}, Memory{}, "a b c", false},
		{"obeys a number of slots",
			[]Job{job("a", 1, 9, .2), job("b", 1, 8, .2), job("c", 1, 7, .2)}, Options{CPUs: 8, Slots: 2}, Memory{}, "a b", false},
		{"keeps to the budget, including what belongs to no task",
			[]Job{job("a", 400, 9, 0), job("b", 400, 8, 0)}, Options{CPUs: 8}, Memory{Budget: 850 * mb, Rest: 60 * mb}, "a", false},
		{"runs a job that needs more than there is",
			[]Job{job("a", 4000, 9, 0), job("b", 4000, 8, 0)}, Options{CPUs: 8}, Memory{Budget: 850 * mb}, "a", false},
		{"starts a short job before a large one that waits",
			[]Job{job("a", 500, 9, 0), job("b", 500, 8, 0), job("c", 100, 2, 0)}, Options{CPUs: 8}, Memory{Budget: 850 * mb}, "a c", false},
		{"does not let a long job delay it",
			[]Job{job("a", 500, 9, 0), job("b", 800, 30, 0), job("c", 100, 29, 0)}, Options{CPUs: 8}, Memory{Budget: 850 * mb}, "b", false},
		{"starts as a guest a job of which half fits",
			[]Job{job("a", 500, 9, 0), job("b", 500, 8, 0)}, Options{CPUs: 8}, Memory{Budget: 850 * mb}, "a b", true},
		{"does not start one that would fill its room at once",
			[]Job{job("a", 500, 2, 0), job("b", 500, 1, 0)}, Options{CPUs: 8}, Memory{Budget: 850 * mb}, "a", true},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			for i := range tt.jobs {
				tt.jobs[i].Length *= time.Second
			}
			tt.m.Time = time.Unix(0, 0)
			l := newLedger(tt.jobs, tt.o)
			if !tt.guests {
				noGuests(l)
			}
			var got []string
			for _, g := range l.admit(tt.m) {
				got = append(got, g.ID)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("started %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("does not starve the first in line", func(t *testing.T) {
		jobs := []Job{job("hog", 600, time.Hour, 0.1), job("large", 900, time.Second*90, 0.1)}
		for i := range 100 {
			jobs = append(jobs, job(fmt.Sprint(i), 100, time.Second, 0.1))
		}
		l := newLedger(jobs, Options{CPUs: 4})
		m := Memory{Time: time.Unix(0, 0), Budget: 1000 * mb}
		before := 0
		for {
			for _, g := range l.admit(m) {
				if g.ID == "large" {
					if before > 3*maxPassedOver {
						t.Errorf("%d went before it", before)
					}
					return
				}
				before++
			}
			m.Time = m.Time.Add(time.Second)
			if len(l.running) == 0 {
				t.Fatal("it never ran")
			}
			for _, r := range slices.Clone(l.running)[1:] {
				l.end(r, Outcome{})
			}
			if len(l.running) == 1 && m.Time.Sub(time.Unix(0, 0)) > time.Minute {
				l.end(l.running[0], Outcome{})
			}
		}
	})
	t.Run("hosts a guest in what is left: freezes it there, and lets it stay when there is room", func(t *testing.T) {
		s := running(t, Options{}, 850*mb, 500*mb, 500*mb)
		s.want(s.after(time.Second, 400, 200), "")
		s.want(s.after(time.Second, 480, 330), "freeze b")
		s.want(s.after(3*time.Second, 480, 330), "")
		s.end("a", Outcome{})
		s.want(s.after(time.Second, 0), "thaw b")
		s.want(s.after(time.Second, 0, 480), "")
	})
}
