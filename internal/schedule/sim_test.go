package schedule

import "github.com/heapmage/heapmage/memtools"

// trusting simulates works with needs that are right: nothing is measured or
// corrected, none is started as a guest, and time goes from one end of a task to the
// next.
func (w World) trusting(works []Work) Simulated { return w.simulate(works, false) }

func (s *simulation) usage() (sum memtools.Bytes) {
	for _, j := range s.running {
		sum += of(j).usage()
	}
	return sum
}
