package runner

import (
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/sublimit"
)

// A script may put what it starts into a cgroup with a smaller limit than the run's, as
// systemd-run and docker do. Nothing tells of it after the end, so it is looked for while
// the script runs: early, then every two seconds, which takes 0.1 ms for each of its processes.
var (
	limitLooks    = []time.Duration{50 * time.Millisecond, 150 * time.Millisecond, 300 * time.Millisecond}
	limitInterval = 2 * time.Second
)

// ownLimits looks for such a cgroup until its end is called.
type ownLimits struct {
	stop    chan struct{} // closed by end
	looking sync.WaitGroup
	found   sublimit.Limit // the smallest so far; read by end
}

func watchLimits(p *proc.Process) *ownLimits {
	o := &ownLimits{stop: make(chan struct{})}
	o.looking.Go(func() {
		for i := 0; ; i++ {
			wait := limitInterval
			if i < len(limitLooks) {
				wait = limitLooks[i]
			}
			select {
			case <-time.After(wait):
			case <-p.Done():
				return
			case <-o.stop:
				return
			}
			if l := sublimit.Find(p.PID()); l.Size > 0 && (o.found.Size == 0 || l.Size < o.found.Size) {
				o.found = l
			}
		}
	})
	return o
}

// end returns the smallest limit that was found, zero if none was, and whether the kernel
// has killed a process for it since.
func (o *ownLimits) end() (smallest sublimit.Limit, killed bool) {
	close(o.stop)
	o.looking.Wait()
	return o.found, o.found.Killed()
}
