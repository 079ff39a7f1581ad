//go:build unix

package channel

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Poller waits for the channels of all workers, in the thread of the goroutine
// that calls Serve.
type Poller struct {
	waiting atomic.Bool // Serve waits, or is about to

	mu      sync.Mutex // guards all below
	members []member
	bell    [2]int // a socket pair; a byte in it ends the wait
	closed  bool

	// Used by Serve only.
	fds    []unix.PollFd
	served []member
}

// member is a channel and what to do when there is something to read.
type member struct {
	*Channel
	read func()
}

// NewPoller returns a poller without channels.
func NewPoller() (*Poller, error) {
	bell, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("make a channel: %w", err)
	}
	return &Poller{bell: bell}, nil
}

// Add serves c from now on, and calls read when there is something to read.
func (p *Poller) Add(c *Channel, read func()) {
	p.mu.Lock()
	p.members = append(p.members, member{c, read})
	p.mu.Unlock()
	p.Wake()
}

// Remove forgets c. A Serve that is under way may still call its read, but not
// after its next wait.
func (p *Poller) Remove(c *Channel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members = slices.DeleteFunc(p.members, func(m member) bool { return m.Channel == c })
}

// Wake makes Serve look again at what it waits for and whether it is done.
func (p *Poller) Wake() {
	if !p.waiting.Swap(false) {
		return // it will look before it waits
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		_, _ = syscall.Write(p.bell[1], []byte{0}) // if it is full it rings already
	}
}

// Serve writes and reads what the workers take and send, until done reports
// true. It must not run twice at a time. After a change of what done reports,
// Wake must be called.
func (p *Poller) Serve(done func() bool) {
	told := false // another goroutine may be ready to run
	for {
		// This comes first: every change from here on rings the bell.
		p.waiting.Store(true)
		p.watch()
		if done() {
			p.waiting.Store(false)
			return
		}
		patience := -1
		if told {
			// Let the goroutines run that were given news, in this thread, before
			// it waits in the kernel and they need another one.
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
		for i, m := range p.served {
			told = m.serve(p.fds[i+1].Revents) || told
		}
	}
}

// serve does what the channel is ready for, and reports whether it has read.
func (m member) serve(ready int16) bool {
	if ready&unix.POLLOUT != 0 {
		m.flush()
	}
	if ready&(unix.POLLIN|unix.POLLHUP|unix.POLLERR) == 0 {
		return false
	}
	m.read()
	return true
}

// watch lists what to wait for.
func (p *Poller) watch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.served = append(p.served[:0], p.members...)
	p.fds = append(p.fds[:0], unix.PollFd{Fd: int32(p.bell[0]), Events: unix.POLLIN})
	for _, m := range p.served {
		p.fds = append(p.fds, m.interest())
	}
}

// drain silences the bell.
func (p *Poller) drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		var b [64]byte
		_, _ = syscall.Read(p.bell[0], b[:])
	}
}

// Close gives back the bell. No Serve may be under way.
func (p *Poller) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	_ = syscall.Close(p.bell[0])
	_ = syscall.Close(p.bell[1])
}
