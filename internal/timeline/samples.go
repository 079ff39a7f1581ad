package timeline

import (
	"cmp"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

// MostSamples bounds the samples of a timeline.
const MostSamples = 4000

// mostShares bounds the tasks of a sample.
const mostShares = 32

// finest is the shortest interval of samples. No run measures more often.
const finest = 50 * time.Millisecond

// samples collects samples in intervals of equal length, which doubles whenever there would be
// too many. The zero value is empty.
type samples struct {
	list  []Sample
	slots []int64 // the number of each one's interval
	width time.Duration
	tasks func(id string) (int, bool)
}

// add adds a measurement, after is its time since the run began. Later ones have no earlier time.
func (s *samples) add(at time.Time, after time.Duration, e event.Sample) {
	if s.width == 0 {
		s.width = finest
	}
	for int64(after/s.width) >= MostSamples {
		s.halve()
	}
	one := Sample{At: at, Usage: size(e.Usage), Budget: size(e.Budget), Available: size(e.Available)}
	one.Least, one.Last = one.Usage, one.Usage
	slot := int64(after / s.width)
	n := len(s.list)
	if n == 0 || s.slots[n-1] != slot {
		one.Tasks = s.shares(e.Tasks)
		s.list, s.slots = append(s.list, one), append(s.slots, slot)
		return
	}
	if one.Usage > s.list[n-1].Usage {
		one.Tasks = s.shares(e.Tasks)
	}
	s.list[n-1] = merged(s.list[n-1], one)
}

// halve doubles the length of the intervals.
func (s *samples) halve() {
	s.width *= 2
	n := 0
	for i, one := range s.list {
		slot := s.slots[i] / 2
		if n > 0 && s.slots[n-1] == slot {
			s.list[n-1] = merged(s.list[n-1], one)
			continue
		}
		s.list[n], s.slots[n] = one, slot
		n++
	}
	clear(s.list[n:])
	s.list, s.slots = s.list[:n], s.slots[:n]
}

// merged is one sample for two that follow each other.
func merged(a, b Sample) Sample {
	m := a
	if b.Usage > a.Usage {
		m = b
	}
	m.Least, m.Last, m.Available = min(a.Least, b.Least), b.Last, min(a.Available, b.Available)
	return m
}

// shares are the largest usages of tasks. Those of the run itself are left out.
func (s *samples) shares(tasks map[string]memtools.Bytes) []Share {
	list := make([]Share, 0, min(len(tasks), mostShares))
	for id, usage := range tasks {
		if at, ok := s.tasks(id); ok && usage > 0 {
			list = append(list, Share{at, size(usage)})
		}
	}
	slices.SortFunc(list, func(a, b Share) int { return cmp.Or(cmp.Compare(b.Usage, a.Usage), cmp.Compare(a.Task, b.Task)) })
	if len(list) > mostShares {
		list = slices.Clone(list[:mostShares])
	}
	return list
}
