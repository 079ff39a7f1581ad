//go:build unix

package pool

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// channel is the pool's end of the socket to a worker.
type channel struct {
	*net.UnixConn
	raw syscall.RawConn
}

// channelBuffer is what the socket may hold, as far as the system allows:
// fewer changes of processes for a large frame.
const channelBuffer = 1 << 20

// newChannel returns the two ends of a stream socket. Neither is inherited by
// accident.
func newChannel() (*channel, *os.File, error) {
	syscall.ForkLock.RLock() // no child may start between the two steps
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("make a channel: %w", err)
	}
	for _, fd := range fds {
		_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, channelBuffer) // slower without
	}
	ours := os.NewFile(uintptr(fds[0]), "pool")
	theirs := os.NewFile(uintptr(fds[1]), "worker")
	conn, err := net.FileConn(ours) // a copy
	_ = ours.Close()
	if err == nil {
		c := &channel{UnixConn: conn.(*net.UnixConn)}
		if c.raw, err = c.SyscallConn(); err == nil {
			return c, theirs, nil
		}
		_ = conn.Close()
	}
	_ = theirs.Close()
	return nil, nil, fmt.Errorf("make a channel: %w", err)
}

// tryWrite writes what the socket takes without waiting, and returns how much
// that was. It must not be called during a Write, which it would wait for. An
// error is left to the next Write.
func (c *channel) tryWrite(b []byte) (n int) {
	_ = c.raw.Write(func(fd uintptr) bool {
		n, _ = syscall.Write(int(fd), b)
		return true // do not wait
	})
	return max(n, 0)
}

// halfClose lets the worker see the end while it can still answer.
func (c *channel) halfClose() { _ = c.CloseWrite() } // where it fails the worker has closed its end
