package meter

import (
	"testing"
	"time"
)

func TestStall(t *testing.T) {
	var s stall
	for _, step := range []struct {
		after, waited time.Duration
		want          float64
	}{
		{time.Second, time.Hour, 0}, // what was before does not count
		{100 * time.Millisecond, 25 * time.Millisecond, 0.25},
		{100 * time.Millisecond, 0, 0},
		{100 * time.Millisecond, time.Second, 1},
		{100 * time.Millisecond, -time.Hour, 0}, // another cgroup's
	} {
		at := s.at
		if at.IsZero() {
			at = time.Unix(1, 0)
		}
		if got := s.note(at.Add(step.after), s.total+step.waited); got != step.want {
			t.Errorf("%+v: %v", step, got)
		}
	}
}
