package pool

import (
	"context"
	"time"
)

// One goroutine at a time, the leader, serves the channels of all workers. It is
// one of the callers in Exec: that one has to wait anyway, and reads its answer in
// its own thread as soon as the kernel wakes that. When it has its answer, another
// caller that waits is the heir. If no caller waits, the keeper leads.

// vacancy is how long there may be no leader while all workers are idle, when the
// only news could be the end of one. Usually the next Exec comes sooner, so that
// the keeper need not run between any two of them.
const vacancy = 5 * time.Millisecond

// claim makes j's caller the leader if there is none, and reports whether.
func (d *dispatcher) claim(j *job) bool {
	if d.poller == nil || d.leading || j.answered {
		return false
	}
	d.leading = true
	return true
}

// await waits for the answer to j, whose caller leads or may have to. If ctx is
// done first, its cause is the answer.
func (d *dispatcher) await(ctx context.Context, j *job, leads bool) outcome {
	done := ctx.Done()
	cancel := func() {
		d.do(func() { d.cancelled(j, context.Cause(ctx)) })
	}
	for {
		if leads {
			stop := func() bool { return true }
			if done != nil {
				stop = context.AfterFunc(ctx, cancel) // it cannot wait for two things
			}
			d.poller.Serve(func() bool { return len(j.done) > 0 })
			stop()
		}
		select {
		case o := <-j.done:
			switch {
			case o.lead:
				leads = true
				continue
			case leads:
				d.do(d.resign)
			}
			return o
		case <-done:
			cancel()
			done = nil
		}
	}
}

// resign makes another caller the leader, if one waits.
func (d *dispatcher) resign() {
	if heir := d.heir(); heir != nil {
		heir.done <- outcome{lead: true} // it has no answer yet, so it sees this first
		return
	}
	d.leading = false // do calls the keeper
}

func (d *dispatcher) heir() *job {
	for _, s := range d.slots {
		if s.job != nil && !s.job.answered {
			return s.job
		}
	}
	if len(d.queue) > 0 {
		return d.queue[0]
	}
	return nil
}

// callKeeper makes the keeper lead if there is no leader: at once if a worker may
// have news, else after vacancy.
func (d *dispatcher) callKeeper() {
	if d.poller == nil || d.leading || len(d.slots) == 0 {
		return
	}
	urgent := d.count(Idle) < len(d.slots)
	if !urgent && d.called {
		return
	}
	d.called = true
	if urgent {
		d.keeper.Reset(0)
	} else {
		d.keeper.Reset(vacancy)
	}
}

// keep leads when no caller does, until the pool is empty.
func (d *dispatcher) keep() {
	defer d.keeper.Stop()
	for {
		select {
		case <-d.keeper.C:
		case <-d.empty:
			return
		}
		d.mu.Lock()
		d.called = false
		mine := !d.leading && !d.over.Load()
		d.leading = d.leading || mine
		d.mu.Unlock()
		if mine {
			// A caller that gets an answer is likely to come again, and leads better.
			before := d.answers.Load()
			d.poller.Serve(func() bool { return d.answers.Load() != before || d.over.Load() })
			d.do(d.resign)
		}
	}
}
