package runpage

import (
	"cmp"
	"slices"

	"github.com/heapmage/heapmage/internal/timeline"
	"github.com/heapmage/heapmage/memtools"
)

// comparison is another run beside the page's.
type comparison struct {
	Run   run              `json:"run"`
	At    []float64        `json:"at"`
	Usage []memtools.Bytes `json:"usage"`
	Tasks []compared       `json:"tasks"`
}

// compared is a task in both runs, the other run's first. The difference of its peaks is the
// largest in the first one.
type compared struct {
	Name string    `json:"name"`
	Was  *measured `json:"was,omitempty"` // nil if it is not in the run
	Is   *measured `json:"is,omitempty"`
}

// measured is what a task took in a run, zero if it did not run to its end there.
type measured struct {
	Status  string         `json:"status"`
	Peak    memtools.Bytes `json:"peak"`
	Seconds float64        `json:"seconds"`
}

// compareWith adds a comparison with another run.
func (d *data) compareWith(id string, t *timeline.Timeline) {
	other := dataOf(id, t)
	c := &comparison{Run: other.Run, At: other.Usage.At, Usage: other.Usage.Usage, Tasks: []compared{}}
	index := map[string]int{}
	for _, t := range d.Tasks {
		index[t.ID] = len(c.Tasks)
		c.Tasks = append(c.Tasks, compared{Name: t.Name, Is: t.measured()})
	}
	for _, t := range other.Tasks {
		at, ok := index[t.ID]
		if !ok {
			at = len(c.Tasks)
			c.Tasks = append(c.Tasks, compared{Name: t.Name})
		}
		c.Tasks[at].Was = t.measured()
	}
	slices.SortStableFunc(c.Tasks, func(a, b compared) int { return cmp.Compare(b.difference(), a.difference()) })
	d.Compare = c
}

// measured is that of the last attempt, without the time for which it was frozen.
func (t task) measured() *measured {
	m := &measured{Status: t.Status}
	if n := len(t.Attempts); n > 0 && t.Attempts[n-1].Final {
		a := t.Attempts[n-1]
		m.Peak, m.Seconds = a.Peak, a.End-a.Start
		for _, f := range a.Frozen {
			m.Seconds -= f[1] - f[0]
		}
	}
	return m
}

// difference is how much the peak has changed, up or down; zero if the task did not run in both.
func (c compared) difference() memtools.Bytes {
	if c.Was == nil || c.Is == nil || c.Was.Peak == 0 || c.Is.Peak == 0 {
		return 0
	}
	return max(c.Is.Peak-c.Was.Peak, c.Was.Peak-c.Is.Peak)
}
