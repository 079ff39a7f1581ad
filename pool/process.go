package pool

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
	"github.com/heapmage/heapmage/pool/worker"
)

const (
	// retireGrace is how long a worker may take to end once its channel is closed.
	retireGrace = 500 * time.Millisecond
	// oomScore makes the kernel choose a worker before this process. It is
	// moderate: with 1000 the smallest helper would go before a huge compiler.
	oomScore = 300
	// directWrite is how long a frame may be to be written without a change of
	// goroutines.
	directWrite = 32 << 10
)

// processes makes workers that are processes.
type processes struct {
	o       Options
	name    string
	args    func() ([]string, error)
	env     []string
	hint    func(output string) string
	cleanUp func()
	log     *log              // nil unless Verbose
	gauge   *memtools.Tracker // nil where memory cannot be measured
	run     string            // names the pool in the marks of its processes
}

func (f *processes) close() { f.cleanUp() }

func (f *processes) start(n int, tell func(message)) backend {
	w := &process{
		f: f, number: n, tell: tell,
		out: make(chan []byte, 4), over: make(chan struct{}),
		retired: make(chan struct{}), ended: make(chan ending, 1),
	}
	go w.run()
	return w
}

// ending says why the pool ends a worker.
type ending struct {
	breach string   // in words, for the user
	stop   oom.Stop // for the verdict
}

// evidence is what a verdict needs beside the Exit.
type evidence struct {
	seen         oom.Findings
	heapLimit    memtools.Bytes
	cgroup, host bool // an oom_kill counter rose
	stop         oom.Stop
}

// process is one worker process. Its run owns three goroutines beside itself:
// a reader, a writer, and the one of package proc that copies the output.
type process struct {
	f      *processes
	number int
	tell   func(message)

	conn    atomic.Pointer[channel]
	pending atomic.Int32  // frames that the writer has not written
	out     chan []byte   // frames for the worker; never closed
	over    chan struct{} // closed by run when the process has ended
	retired chan struct{} // closed by the first retire
	once    sync.Once
	ended   chan ending // holds the first reason to end the process
}

func (w *process) give(j *job) bool { return w.send(j.frame) }

func (w *process) cancel(id uint64) {
	w.send(worker.Frame{Kind: worker.Cancel, ID: id}.Append(nil))
}

// send writes what the socket takes at once, which for a small frame is all,
// and leaves the rest to the writer.
func (w *process) send(frame []byte) bool {
	if c := w.conn.Load(); c != nil && len(frame) <= directWrite && w.pending.Load() == 0 {
		frame = frame[c.tryWrite(frame):]
		if len(frame) == 0 {
			return true
		}
	}
	w.pending.Add(1)
	select {
	case w.out <- frame:
		return true
	default:
		return false // it has not read what it answered
	}
}

func (w *process) retire() { w.once.Do(func() { close(w.retired) }) }

func (w *process) end(reason ending) {
	select {
	case w.ended <- reason:
	default: // there is one already
	}
}

func (w *process) id() string { return w.f.run + "/worker-" + strconv.Itoa(w.number) }

// run is the worker from start to end.
func (w *process) run() {
	exit := Exit{Worker: w.number, ExitCode: -1}
	proof := evidence{heapLimit: w.f.o.HeapLimit}
	before, countErr := memtools.OOMKills()
	output := newWorkerOutput(w.f.log, w.number)
	p, conn, err := w.begin(output)
	if err != nil {
		w.tell(message{worker: w.number, kind: ended, exit: exit, err: err})
		return
	}
	exit.PID = p.PID()
	if w.f.gauge != nil {
		w.f.gauge.Track(w.id(), p.PID())
	}
	w.tell(message{worker: w.number, kind: started, pid: p.PID()})
	var both sync.WaitGroup
	w.conn.Store(conn) // the dispatcher gives it jobs from ready on
	both.Go(func() { w.read(conn) })
	both.Go(func() { w.write(conn) })

	reason := w.watch(p, conn)
	end := p.Wait()
	close(w.over)
	// What it answered before its end is still in the socket.
	_ = conn.SetReadDeadline(time.Now().Add(retireGrace))
	_ = conn.SetWriteDeadline(time.Now())
	both.Wait()
	_ = conn.Close()
	if w.f.gauge != nil {
		w.f.gauge.Untrack(w.id())
	}
	exit.ExitCode, exit.Signal, exit.Survivors = end.ExitCode, end.Signal, end.Survivors
	exit.Breach, proof.stop = reason.breach, reason.stop
	exit.Output, proof.seen = output.end()
	if after, err := memtools.OOMKills(); err == nil && countErr == nil {
		grown := after.Since(before)
		proof.cgroup, proof.host = grown.Cgroup.Value > 0, grown.Host.Value > 0
	}
	w.tell(message{worker: w.number, kind: ended, exit: exit, proof: proof})
}

// begin starts the process with its channel.
func (w *process) begin(output io.Writer) (*proc.Process, *channel, error) {
	args, err := w.f.args()
	if err != nil {
		return nil, nil, err
	}
	conn, theirs, err := newChannel()
	if err != nil {
		return nil, nil, err
	}
	env := append(os.Environ(), w.f.o.Env...)
	env = append(env, w.f.env...)
	env = append(env, worker.FDEnv+"=3", worker.VersionEnv+"="+strconv.Itoa(worker.Version))
	p, err := proc.Start(proc.Command{
		Args: args, Dir: w.f.o.Dir, Env: env, Output: output, ID: w.id(),
		OOMScoreAdj: oomScore, ExtraFiles: []*os.File{theirs},
	})
	_ = theirs.Close()
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return p, conn, nil
}

// watch waits for the end of the process, and brings it about when asked to.
func (w *process) watch(p *proc.Process, conn *channel) (reason ending) {
	retired := w.retired
	var late <-chan time.Time
	for {
		select {
		case <-p.Done():
			select {
			case reason = <-w.ended: // it was asked for, and seen too late
			default:
			}
			return reason
		case <-retired:
			retired = nil
			conn.halfClose()
			late = time.After(retireGrace)
		case <-late:
			late = nil
			p.Stop()
		case reason = <-w.ended:
			p.Kill()
			<-p.Done()
			return reason
		}
	}
}

// read tells the dispatcher what the worker answers, until the end of the channel.
func (w *process) read(conn *channel) {
	in := worker.NewDecoder(conn, int(w.f.o.MaxFrame))
	for first := true; ; first = false {
		f, err := in.Next()
		if err == nil {
			err = w.take(f, first)
		}
		if err == nil {
			continue
		}
		w.tell(message{worker: w.number, kind: leaving})
		if isEnd(err) {
			w.retire() // it has closed its end, and so it has nothing more to do
		} else {
			w.end(ending{breach: "it broke the protocol: " + err.Error()})
		}
		return
	}
}

func (w *process) take(f worker.Frame, first bool) error {
	switch {
	case f.Kind == worker.Ready && first && f.V != worker.Version:
		return fmt.Errorf("it speaks version %d, this pool speaks %d", f.V, worker.Version)
	case f.Kind == worker.Ready && first:
		w.tell(message{worker: w.number, kind: ready})
	case first:
		return fmt.Errorf("its first frame is %q, not %q", f.Kind, worker.Ready)
	case f.Kind == worker.Result, f.Kind == worker.Failed:
		w.tell(message{worker: w.number, kind: answered, answer: f})
	}
	return nil // other kinds are of a later version, or of no interest
}

// isEnd reports whether err is that of a process that ends, not of one that
// talks nonsense.
func isEnd(err error) bool {
	var op *net.OpError // a reset: it ended with unread frames
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op)
}

// write sends frames until the process has ended. An error of a write means
// that the worker is gone, which read sees as well.
func (w *process) write(conn *channel) {
	for {
		select {
		case frame := <-w.out:
			if _, err := conn.Write(frame); err != nil {
				return
			}
			w.pending.Add(-1)
		case <-w.over:
			return
		}
	}
}

// workerOutput is what a worker writes to standard output and standard error.
type workerOutput struct {
	tail tail
	scan oom.Scanner
	log  *named // nil unless Verbose
}

func newWorkerOutput(l *log, number int) *workerOutput {
	o := &workerOutput{}
	if l != nil {
		o.log = &named{log: l, name: fmt.Sprintf("pool: worker %d | ", number)}
	}
	return o
}

func (o *workerOutput) Write(b []byte) (int, error) {
	_, _ = o.scan.Write(b)
	if o.log != nil {
		_, _ = o.log.Write(b)
	}
	return o.tail.Write(b)
}

// end is called after the last Write.
func (o *workerOutput) end() (string, oom.Findings) {
	if o.log != nil {
		o.log.flush()
	}
	return o.tail.String(), o.scan.Findings()
}
