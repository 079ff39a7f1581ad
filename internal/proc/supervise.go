package proc

import (
	"time"

	"github.com/heapmage/heapmage/internal/clock"
	"github.com/heapmage/heapmage/internal/proctable"
)

// The times of stragglers: what a command leaves running when it ends. Every task
// that leaves something takes them, so they are short.
const (
	// stragglerGrace is for what is about to end anyway, such as the tee of a shell's
	// process substitution.
	stragglerGrace = 100 * time.Millisecond
	// stragglerTerminate is the time between SIGTERM and SIGKILL.
	stragglerTerminate = 500 * time.Millisecond
	// outputDelay is how long a process that outlives the command may hold the pipe
	// open before reading ends.
	outputDelay = 200 * time.Millisecond
)

// wait waits for the command itself.
func (p *Process) wait() {
	defer close(p.exited)
	_ = p.cmd.Wait() // ProcessState has all that the error tells
	p.result.ended = time.Now()
	state := p.cmd.ProcessState
	p.result.ExitCode, p.result.Signal = exitOf(state)
	p.result.MaxRSS = maxRSS(state, p.tree)
	p.result.User, p.result.System = state.UserTime(), state.SystemTime()
}

// supervise sees the process through to its end.
func (p *Process) supervise() {
	defer close(p.done)
	select {
	case <-p.exited:
	case <-p.stop:
		select {
		case <-p.exited:
		default:
			p.result.StoppedBy = ByStop
		}
	}
	if p.result.StoppedBy == NotStopped {
		p.endStragglers()
	}
	if isClosed(p.stop) {
		p.endTree()
	}
	<-p.exited
	p.output.finish(outputDelay)
	p.result.OutputErr = p.output.failure()
	p.leave()
	p.tree.release()
	theReaper.forget(p.ward)
}

// endStragglers ends what the command left running in its session. A daemon in
// another session was meant to stay. It returns early if a stop is asked for.
func (p *Process) endStragglers() {
	p.endingNow(func() {})
	// The usual case is cheap: the group is empty and the pipe at its end. What
	// still lives has left both on purpose.
	if p.tree.groupEmpty() && p.output.endsWithin(stragglerGrace, p.stop) {
		return
	}
	gone := func() bool { return p.tree.gone(proctable.InSession) }
	if p.poll(stragglerGrace, p.stop, gone) || isClosed(p.stop) {
		return
	}
	p.tree.terminate(proctable.InSession)
	if p.poll(stragglerTerminate, p.stop, gone) || isClosed(p.stop) {
		return
	}
	p.sweep(proctable.InSession, p.ladder.Kill, p.stop)
}

// endTree climbs the ladder of Stop.
func (p *Process) endTree() {
	gone := func() bool { return isClosed(p.exited) && p.tree.gone(proctable.Everything) }
	if !isClosed(p.kill) {
		p.endingNow(p.tree.interrupt)
		if p.poll(p.ladder.Interrupt, p.kill, gone) {
			return
		}
	}
	if !isClosed(p.kill) {
		p.tree.terminate(proctable.Everything)
		if p.poll(p.ladder.Terminate, p.kill, gone) {
			return
		}
	}
	if isClosed(p.kill) && p.result.StoppedBy == ByStop {
		p.result.StoppedBy = ByKill
	}
	p.endingNow(func() { p.tree.kill(proctable.Everything) })
	p.sweep(proctable.Everything, p.ladder.Kill, nil)
}

// sweep kills until nothing is left, as a dying process may have forked, but for at
// most d. Then it notes the survivors.
func (p *Process) sweep(s proctable.Scope, d time.Duration, cancel <-chan struct{}) {
	if p.poll(d, cancel, func() bool { return p.tree.kill(s) == 0 && isClosed(p.exited) && p.tree.gone(s) }) || isClosed(cancel) {
		return
	}
	p.result.Survivors = p.tree.members(s)
}

// poll calls ok at growing intervals until it returns true, d is over or cancel is
// closed. It returns the last result, and false if it was cancelled. The time for which
// this process is stopped does not count.
func (p *Process) poll(d time.Duration, cancel <-chan struct{}, ok func() bool) bool {
	began, end := clock.Now(), time.NewTimer(d)
	defer end.Stop()
	exited := p.exited
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 64*time.Millisecond) {
		if ok() {
			return true
		}
		if isClosed(exited) {
			exited = nil // it wakes us once
		}
		next := time.NewTimer(pause)
		select {
		case <-next.C:
		case <-exited:
			pause = time.Millisecond
		case <-cancel:
			next.Stop()
			return false
		case <-end.C:
			left := d - clock.Since(began)
			if left <= 0 {
				next.Stop()
				return ok()
			}
			end.Reset(left)
		}
		next.Stop()
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
