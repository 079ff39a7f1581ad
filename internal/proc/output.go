package proc

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// output copies what a tree writes to one writer. A nil output copies nothing.
type output struct {
	pipe *os.File
	to   io.Writer
	err  error         // of the writer; read after done
	done chan struct{} // closed by copy
}

// buffers are as large as a pipe, so that much output costs few calls.
var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// newOutput returns the output and the end of its pipe for the child.
func newOutput(to io.Writer) (*output, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	return &output{pipe: r, to: to, done: make(chan struct{})}, w, nil
}

// abandon closes an output that never got a process.
func (o *output) abandon() {
	if o != nil {
		_ = o.pipe.Close()
	}
}

// copy reads until every process of the tree has closed the pipe or finish ends
// the reading.
func (o *output) copy() {
	if o == nil {
		return
	}
	defer close(o.done)
	defer func() { _ = o.pipe.Close() }()
	buf := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(buf)
	for {
		n, err := o.pipe.Read(buf[:])
		o.write(buf[:n])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			o.rest(buf[:])
			return
		}
		if err != nil {
			return
		}
	}
}

// rest copies what was in the pipe when the reading had to end: the command's last
// words if the writer is slow. What a daemon adds later is dropped.
func (o *output) rest(buf []byte) {
	left := pending(o.pipe)
	if left == 0 || o.pipe.SetReadDeadline(time.Time{}) != nil {
		return
	}
	for left > 0 {
		n, err := o.pipe.Read(buf[:min(left, len(buf))])
		o.write(buf[:n])
		left -= n
		if err != nil {
			return
		}
	}
}

func (o *output) write(b []byte) {
	if o.err != nil || len(b) == 0 {
		return
	}
	n, err := o.to.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	o.err = err // reading goes on, so that the process is neither blocked nor killed by SIGPIPE
}

// endsWithin waits up to d for the end of the pipe.
func (o *output) endsWithin(d time.Duration, cancel <-chan struct{}) bool {
	if o == nil {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-o.done:
		return true
	case <-t.C:
	case <-cancel:
	}
	return false
}

// finish ends the reading at most d from now and waits for that. A slower writer
// still gets everything that the command wrote.
func (o *output) finish(d time.Duration) {
	if o == nil || o.endsWithin(d, nil) {
		return
	}
	if o.pipe.SetReadDeadline(time.Now()) != nil {
		_ = o.pipe.Close() // no deadlines on this system
	}
	<-o.done
}

func (o *output) failure() error {
	if o == nil {
		return nil
	}
	return o.err
}
