package meter

import "time"

// stall turns the kernel's sum of the time for which some process waited for memory into
// shares of the time between samples.
type stall struct {
	at    time.Time
	total time.Duration
}

// note takes in the sum at a sample.
func (s *stall) note(at time.Time, total time.Duration) (share float64) {
	if over := at.Sub(s.at); !s.at.IsZero() && over > 0 {
		share = min(max(float64(total-s.total)/float64(over), 0), 1)
	}
	s.at, s.total = at, total
	return share
}
