package proc

import (
	"time"
)

// What the command leaves behind at its own end has these times. They are part
// of every task that leaves something, so they are short.
const (
	// stragglerGrace is for those that are about to end anyway, such as the tee
	// of a shell's process substitution.
	stragglerGrace = 100 * time.Millisecond
	// stragglerTerminate is between SIGTERM and SIGKILL.
	stragglerTerminate = 500 * time.Millisecond
	// outputDelay is how long a process that outlives the command may hold the
	// pipe open before reading ends.
	outputDelay = 200 * time.Millisecond
)

// wait is the one that waits for the command.
func (p *Process) wait() {
	defer close(p.exited)
	_ = p.cmd.Wait() // all that it says is in ProcessState
	p.result.Ended = time.Now()
	state := p.cmd.ProcessState
	p.result.ExitCode, p.result.Signal = exitOf(state)
	p.result.MaxRSS = maxRSS(state, p.tree)
	p.result.User, p.result.System = state.UserTime(), state.SystemTime()
}

// supervise sees a Process through to its end.
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
	p.tree.release()
	theReaper.forget(p.ward)
}

// endStragglers ends what the command left running in its session, where it
// left anything. A daemon in a session of its own was meant to stay. It returns
// early when a stop is asked for.
func (p *Process) endStragglers() {
	p.endingNow(func() {})
	// The usual case, and cheap: the group is empty and the pipe at its end.
	// What lives beyond that has left both on purpose.
	if p.tree.groupEmpty() && p.output.endsWithin(stragglerGrace, p.stop) {
		return
	}
	gone := func() bool { return p.tree.gone(inSession) }
	if p.poll(stragglerGrace, p.stop, gone) || isClosed(p.stop) {
		return
	}
	p.tree.terminate(inSession)
	if p.poll(stragglerTerminate, p.stop, gone) || isClosed(p.stop) {
		return
	}
	p.sweep(inSession, p.ladder.Kill, p.stop)
}

// endTree is the ladder of Stop.
func (p *Process) endTree() {
	gone := func() bool { return isClosed(p.exited) && p.tree.gone(everything) }
	if !isClosed(p.kill) {
		p.endingNow(p.tree.interrupt)
		if p.poll(p.ladder.Interrupt, p.kill, gone) {
			return
		}
	}
	if !isClosed(p.kill) {
		p.tree.terminate(everything)
		if p.poll(p.ladder.Terminate, p.kill, gone) {
			return
		}
	}
	if isClosed(p.kill) && p.result.StoppedBy == ByStop {
		p.result.StoppedBy = ByKill
	}
	p.endingNow(func() { p.tree.kill(everything) })
	p.sweep(everything, p.ladder.Kill, nil)
}

// sweep kills until nothing is left, since a dying process may have forked, and
// for at most d; a command that is still there then is waited for.
func (p *Process) sweep(s scope, d time.Duration, cancel <-chan struct{}) {
	if p.poll(d, cancel, func() bool { return p.tree.kill(s) == 0 && isClosed(p.exited) && p.tree.gone(s) }) || isClosed(cancel) {
		return
	}
	p.result.Survivors = p.tree.members(s)
}

// poll calls ok, at growing intervals, until it is true, d is over or cancel is
// closed, and returns whether it was.
func (p *Process) poll(d time.Duration, cancel <-chan struct{}, ok func() bool) bool {
	end := time.NewTimer(d)
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
			next.Stop()
			return ok()
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
