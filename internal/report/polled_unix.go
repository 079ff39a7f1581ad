//go:build unix

package report

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
)

// polled returns a writer for a file that another process may have made
// non-blocking: it waits until the file takes something and writes on. Nor does a
// reader that went away end this process. A wait ends once abandoned is closed; a
// nil channel never is. Other writers are returned as they are.
func polled(out io.Writer, abandoned <-chan struct{}) io.Writer {
	f, ok := out.(*os.File)
	if !ok {
		return out
	}
	surviveWrites()
	p := &polledFile{fd: int(f.Fd()), most: pipeBuf, abandoned: abandoned}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		p.most = 1 << 20 // it never blocks
	}
	return p
}

// ready waits until a file takes a line, or refuses it; false if ctx was done before.
func ready(ctx context.Context, f *os.File) bool {
	p := &polledFile{fd: int(f.Fd()), abandoned: ctx.Done()}
	return p.wait()
}

// surviveWrites keeps a failed write to standard output or error from ending this
// process: SIGPIPE if nobody reads it, SIGXFSZ if the file may not grow. Ignoring
// them instead would be inherited by every child.
var surviveWrites = sync.OnceFunc(func() {
	signal.Notify(make(chan os.Signal, 1), unix.SIGPIPE, unix.SIGXFSZ)
})

// pipeBuf is how much a pipe takes without blocking when it can be written at all
// (PIPE_BUF is at least 512 everywhere, 4096 on Linux).
const pipeBuf = 4096

// pollInterval is the time between two looks, in ms, whether a wait was abandoned.
const pollInterval = 100

type polledFile struct {
	fd        int
	most      int // that is written at once
	abandoned <-chan struct{}
}

// Write writes all of b, however long that takes.
func (p *polledFile) Write(b []byte) (int, error) {
	written := 0
	for written < len(b) {
		if !p.wait() {
			return written, errAbandoned
		}
		n, err := unix.Write(p.fd, p.next(b[written:]))
		written += max(n, 0)
		if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return written, err
		}
	}
	return written, nil
}

// next is what is written at once of b: whole lines if possible, which other
// processes that write to the same pipe then cannot cut.
func (p *polledFile) next(b []byte) []byte {
	if len(b) <= p.most {
		return b
	}
	if end := bytes.LastIndexByte(b[:p.most], '\n') + 1; end > 0 {
		return b[:end]
	}
	return b[:p.most]
}

// wait waits until the file can be written, or a write fails at once; false if that
// was abandoned before.
func (p *polledFile) wait() bool {
	for {
		fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLOUT}}
		n, err := unix.Poll(fds, pollInterval)
		if n > 0 || err != nil && !errors.Is(err, unix.EINTR) { // or it cannot be polled
			return true
		}
		select {
		case <-p.abandoned:
			return false
		default:
		}
	}
}
