package pool

import (
	"time"

	"github.com/heapmage/heapmage/pool/internal/process"
	"github.com/heapmage/heapmage/pool/internal/queue"
)

// assign gives jobs to idle workers, and starts workers for the others.
func (d *dispatcher) assign() {
	if d.closed {
		return
	}
	for len(d.queue) > 0 && d.hasIdle() {
		j, ok := d.queue.Next(func(j *job) bool { return d.idleFor(j) != nil })
		if !ok {
			break
		}
		d.give(j, d.idleFor(j))
	}
	d.makeRoom()
	for want := d.wanted(); want > 0; want-- {
		d.start()
	}
}

func (d *dispatcher) hasIdle() bool {
	for _, s := range d.slots {
		if s.state == Idle {
			return true
		}
	}
	return false
}

// idleFor returns the worker that j may start on now, or nil. It is the one that
// worked last, so that the others reach their idle timeout.
func (d *dispatcher) idleFor(j *job) *slot {
	var best *slot
	for _, s := range d.slots {
		if s.state != Idle || j.fresh && s.tasks > 0 {
			continue
		}
		if best == nil || s.since.After(best.since) {
			best = s
		}
	}
	if best == nil || d.o.Budget <= 0 || queue.Fits(j.task.Need, best.usage, d.loads(best), d.o.Budget) {
		return best
	}
	return nil
}

// loads returns the memory of all workers but one.
func (d *dispatcher) loads(but *slot) []queue.Load {
	var all []queue.Load
	for _, s := range d.slots {
		if s == but {
			continue
		}
		one := queue.Load{Busy: s.job != nil, Used: s.usage}
		if s.job != nil {
			one.Need = s.job.task.Need
		}
		all = append(all, one)
	}
	return all
}

func (d *dispatcher) give(j *job, s *slot) {
	d.left(j)
	j.attempts++
	j.started = time.Now()
	if t := positive(j.task.Timeout, d.o.TaskTimeout); t > 0 {
		j.deadline = j.started.Add(t)
	}
	s.job = j
	s.enter(Busy)
	d.emit(Event{Kind: TaskStarted, Worker: s.number, PID: s.pid, Task: j.ID, Type: j.task.Type, Usage: s.usage})
	if !s.b.give(j) {
		d.end(s, process.Reason{Breach: "it answered without reading its tasks"})
	}
}

// makeRoom ends an idle worker if the first job cannot start beside it: because
// that needs a fresh worker, or its memory.
func (d *dispatcher) makeRoom() {
	if len(d.queue) == 0 || !d.hasIdle() {
		return
	}
	j := d.queue[0]
	if d.idleFor(j) != nil {
		return
	}
	idle := d.byUsage()
	if j.fresh {
		if len(d.slots) >= d.o.MaxWorkers && d.count(Starting) == 0 && d.count(Ending) == 0 {
			d.retire(idle[0], WorkerEnding, "its place is needed for a fresh worker")
		}
		return
	}
	// It needs memory. The last idle worker is kept for the job, unless only a new
	// one, which has not grown yet, fits.
	if d.count(Ending) == 0 && (len(idle) > 1 || queue.Fits(j.task.Need, 0, d.loads(idle[0]), d.o.Budget)) {
		d.retire(idle[0], WorkerEnding, "its memory is needed")
	}
}

// wanted returns how many workers to start now.
func (d *dispatcher) wanted() int {
	room := d.o.MaxWorkers - len(d.slots)
	starting, alive := d.count(Starting), len(d.slots)-d.count(Ending)
	if room <= 0 {
		return 0
	}
	if d.failures > 0 {
		// One at a time, and only for jobs that wait.
		if len(d.queue) > 0 && (alive == 0 || starting == 0 && !time.Now().Before(d.retryAt)) {
			return 1
		}
		return 0
	}
	want := max(d.waiting()-starting, d.o.MinWorkers-alive)
	return max(0, min(want, room))
}

// waiting returns how many jobs could start if they had a worker.
func (d *dispatcher) waiting() (n int) {
	if len(d.queue) == 0 {
		return 0
	}
	if d.o.Budget <= 0 {
		if d.hasIdle() { // jobs that wait beside it need a fresh one
			for _, j := range d.queue {
				if j.fresh {
					n++
				}
			}
			return n
		}
		return len(d.queue)
	}
	all := d.loads(nil)
	for _, j := range d.queue[:min(len(d.queue), d.o.MaxWorkers)] {
		if d.hasIdle() && !j.fresh || !queue.Fits(j.task.Need, 0, all, d.o.Budget) {
			break
		}
		all = append(all, queue.Load{Busy: true, Need: j.task.Need})
		n++
	}
	return n
}

func (d *dispatcher) start() {
	d.last++
	s := &slot{number: d.last, state: Starting, since: time.Now()}
	d.slots[s.number] = s
	d.emit(Event{Kind: WorkerStarting, Worker: s.number})
	s.b = d.factory.start(s.number, d)
}
