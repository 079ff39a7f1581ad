package pool

import (
	"context"
	"time"
)

// One goroutine at a time, the leader, serves the sockets of the workers. It is
// one of those in Exec: it has to wait anyway, and reads its answer in its own
// thread as soon as the kernel wakes that. When it has its answer, another one
// that waits is the heir. The keeper leads where none is there.

// vacancy is how long nobody may lead while all workers are idle, when there is
// nothing to read but the end of one: most often the next Exec comes before, and
// then the keeper is not run for each of them.
const vacancy = 5 * time.Millisecond

// claim makes j's caller the leader if there is none.
func (d *dispatcher) claim(j *job) bool {
	if d.poller == nil || d.leading || j.answered {
		return false
	}
	d.leading = true
	return true
}

// await waits for the answer to j, whose caller leads or may have to. When ctx
// is done first, that is the answer.
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
			d.poller.serve(func() bool { return len(j.done) > 0 })
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

// resign makes another one the leader, if one waits.
func (d *dispatcher) resign() {
	if heir := d.heir(); heir != nil {
		heir.done <- outcome{lead: true} // its answer comes later, so that it sees this first
		return
	}
	d.leading = false // see do
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

// callKeeper sees to it that somebody leads, now or soon.
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

// keep leads where no caller does, until the pool is empty.
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
			// Who gets an answer is likely to come again, and leads better.
			before := d.answers.Load()
			d.poller.serve(func() bool { return d.answers.Load() != before || d.over.Load() })
			d.do(d.resign)
		}
	}
}
