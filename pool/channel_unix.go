//go:build unix

package pool

import (
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// channel is the pool's end of the socket to a worker. It is not known to Go's
// own poller, which would wake a thread for each answer: see poller.
type channel struct {
	// Of the one who reads.
	readable bool // there may be something for one read
	empty    bool // there was nothing at the last

	mu   sync.Mutex // guards all below
	fd   int        // -1 when it is closed
	deaf bool       // nothing more is read
	out  [][]byte   // what the socket did not take yet
}

// channelBuffer is what the socket may hold, as far as the system allows:
// fewer changes of processes for a large frame.
const channelBuffer = 1 << 20

// newChannel returns the two ends of a stream socket.
func newChannel() (*channel, *os.File, error) {
	fds, err := socketPair()
	if err != nil {
		return nil, nil, fmt.Errorf("make a channel: %w", err)
	}
	for _, fd := range fds {
		_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, channelBuffer) // slower without
	}
	return &channel{fd: fds[0]}, os.NewFile(uintptr(fds[1]), "worker"), nil
}

// socketPair makes two connected sockets of which no child inherits one by
// accident. Reads and writes of the first do not wait.
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

// Read does one read for each time that readable was set, and returns EAGAIN,
// after which a Decoder may go on, where there is nothing.
func (c *channel) Read(b []byte) (int, error) {
	if !c.readable {
		return 0, syscall.EAGAIN
	}
	for {
		n, err := syscall.Read(c.fd, b) // the reader is who closes it
		if err == syscall.EINTR {
			continue
		}
		c.readable, c.empty = false, err == syscall.EAGAIN
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}
}

// write takes a frame, of which the socket may take a part only later. It
// returns how many frames wait for that.
func (c *channel) write(frame []byte) (waiting int) {
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

// flush writes what the socket takes without waiting.
func (c *channel) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushLocked()
}

func (c *channel) flushLocked() {
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

// interest is what to wait for.
func (c *channel) interest() unix.PollFd {
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

func (c *channel) stopReading() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = true
}

// halfClose lets the worker see the end while it can still answer.
func (c *channel) halfClose() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd >= 0 {
		c.out = nil
		_ = syscall.Shutdown(c.fd, syscall.SHUT_WR) // where it fails the worker has closed its end
	}
}

// close must not be called during a Read.
func (c *channel) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd >= 0 {
		_ = syscall.Close(c.fd)
		c.fd, c.deaf, c.out = -1, true, nil
	}
}
