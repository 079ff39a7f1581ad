//go:build unix

package pool

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// poller waits for the sockets of all workers, in the thread of the goroutine
// that calls serve: mostly the one that waits for the answer anyway (see
// leader.go). Go's own poller would wake another thread, which takes as long as
// all the rest of a small task.
type poller struct {
	waiting atomic.Bool // serve waits, or is about to

	mu      sync.Mutex // guards all below
	workers []*process
	bell    [2]int // a socket pair; a byte in it ends the wait
	closed  bool

	// Of the one that serves.
	fds    []unix.PollFd
	served []*process
}

func newPoller() (*poller, error) {
	bell, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("make a channel: %w", err)
	}
	return &poller{bell: bell}, nil
}

func (p *poller) add(w *process) {
	p.mu.Lock()
	p.workers = append(p.workers, w)
	p.mu.Unlock()
	p.wake()
}

// remove forgets w. One that serves may call it once more, but not later than
// its next wait.
func (p *poller) remove(w *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.workers = slices.DeleteFunc(p.workers, func(one *process) bool { return one == w })
}

// wake makes the one that serves look again at what it waits for, and at what
// it serves until.
func (p *poller) wake() {
	if !p.waiting.Swap(false) {
		return // it will look before it waits
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		_, _ = syscall.Write(p.bell[1], []byte{0}) // where it is full it rings already
	}
}

// serve writes and reads what the workers take and send, until done. It must
// not be called twice at a time. What changes done must be followed by wake.
func (p *poller) serve(done func() bool) {
	told := false // somebody else may have to be run
	for {
		// First of all: what comes from here on rings the bell.
		p.waiting.Store(true)
		p.watch()
		if done() {
			p.waiting.Store(false)
			return
		}
		patience := -1
		if told {
			// Let those run who were told, on this thread, before it waits in
			// the kernel and another thread has to be woken for them.
			runtime.Gosched()
			patience = 0
		}
		n, err := unix.Poll(p.fds, patience)
		p.waiting.Store(false)
		if err != nil || n <= 0 { // EINTR, or nothing yet
			told = false
			continue
		}
		if p.fds[0].Revents != 0 {
			p.drain()
		}
		for i, w := range p.served {
			told = w.serve(p.fds[i+1].Revents) || told
		}
	}
}

// watch lists what to wait for.
func (p *poller) watch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.served = append(p.served[:0], p.workers...)
	p.fds = append(p.fds[:0], unix.PollFd{Fd: int32(p.bell[0]), Events: unix.POLLIN})
	for _, w := range p.served {
		p.fds = append(p.fds, w.conn.interest())
	}
}

func (p *poller) drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		var b [64]byte
		_, _ = syscall.Read(p.bell[0], b[:])
	}
}

func (p *poller) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	_ = syscall.Close(p.bell[0])
	_ = syscall.Close(p.bell[1])
}

// serve does what the socket of w is ready for, and reports whether anything
// was read.
func (w *process) serve(ready int16) bool {
	if ready&unix.POLLOUT != 0 {
		w.conn.flush()
	}
	if ready&(unix.POLLIN|unix.POLLHUP|unix.POLLERR) == 0 {
		return false
	}
	w.read()
	return true
}
