//go:build unix

package channel

import (
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Channel is the pool's end of the socket to one worker. One goroutine at a
// time may read; the other methods may be called by many.
type Channel struct {
	// Used by the reader only.
	allowed bool // Read may read once
	drained bool // the last read found nothing

	mu   sync.Mutex // guards all below
	fd   int        // -1 when closed
	deaf bool       // nothing more is read
	out  [][]byte   // what the socket did not take yet
}

const (
	// socketBuffer is asked of the system for each socket, in bytes: a large
	// frame then needs fewer switches between the processes.
	socketBuffer = 1 << 20
	// directWrite is the largest frame, in bytes, that Send writes itself. Larger
	// ones are left to the poller, since Send is called under the pool's lock.
	directWrite = 32 << 10
)

// New returns both ends of a stream socket: the pool's, and a file for the
// worker to inherit.
func New() (*Channel, *os.File, error) {
	fds, err := socketPair()
	if err != nil {
		return nil, nil, fmt.Errorf("make a channel: %w", err)
	}
	for _, fd := range fds {
		_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, socketBuffer) // slower without
	}
	return &Channel{fd: fds[0]}, os.NewFile(uintptr(fds[1]), "worker"), nil
}

// socketPair makes two connected sockets that no child inherits by accident.
// Reads and writes of the first do not block.
func socketPair() (fds [2]int, err error) {
	syscall.ForkLock.RLock() // no child may start between the two steps
	defer syscall.ForkLock.RUnlock()
	if fds, err = syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0); err != nil {
		return fds, err
	}
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	if err = syscall.SetNonblock(fds[0], true); err != nil {
		_ = syscall.Close(fds[0])
		_ = syscall.Close(fds[1])
	}
	return fds, err
}

// AllowRead lets Read read once. One read for each time that the socket is
// ready keeps a worker that sends without end from holding up the others.
func (c *Channel) AllowRead() { c.allowed = true }

// Drained reports whether the last Read found nothing to read.
func (c *Channel) Drained() bool { return c.drained }

// Read reads once after each AllowRead. Without one, or if there is nothing to
// read, it returns EAGAIN, after which a frame.Decoder may go on.
func (c *Channel) Read(b []byte) (int, error) {
	if !c.allowed {
		return 0, syscall.EAGAIN
	}
	for {
		n, err := syscall.Read(c.fd, b) // without the lock: only the reader closes fd
		if err == syscall.EINTR {
			continue
		}
		c.allowed, c.drained = false, err == syscall.EAGAIN
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}
}

// Send queues a frame, which it keeps, and writes what the socket takes at
// once. It returns how many frames wait; if any do, Poller.Wake must follow.
func (c *Channel) Send(frame []byte) (waiting int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return 0
	}
	c.out = append(c.out, frame)
	if len(c.out) == 1 && len(frame) <= directWrite {
		c.flushLocked()
	}
	return len(c.out)
}

func (c *Channel) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushLocked()
}

// flushLocked writes what the socket takes without waiting.
func (c *Channel) flushLocked() {
	for len(c.out) > 0 && c.fd >= 0 {
		n, err := syscall.Write(c.fd, c.out[0])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return
		case err != nil: // the worker is gone, which its reader sees as well
			c.out = nil
		case n < len(c.out[0]):
			c.out[0] = c.out[0][n:]
		default:
			c.out[0] = nil
			c.out = c.out[1:]
		}
	}
	c.out = nil
}

// interest is what the poller waits for.
func (c *Channel) interest() unix.PollFd {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := unix.PollFd{Fd: int32(c.fd)}
	if !c.deaf {
		p.Events |= unix.POLLIN
	}
	if len(c.out) > 0 {
		p.Events |= unix.POLLOUT
	}
	if p.Events == 0 { // the end of the stream would be reported again and again
		p.Fd = -1
	}
	return p
}

// StopReading makes the poller ignore what else the worker sends.
func (c *Channel) StopReading() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = true
}

// HalfClose shows the worker the end of the stream; it can still answer. What
// Send has queued is dropped.
func (c *Channel) HalfClose() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd >= 0 {
		c.out = nil
		_ = syscall.Shutdown(c.fd, syscall.SHUT_WR) // fails if the worker has closed its end
	}
}

// Close closes the socket. It must not be called during a Read.
func (c *Channel) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd >= 0 {
		_ = syscall.Close(c.fd)
		c.fd, c.deaf, c.out = -1, true, nil
	}
}
