package pool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"
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
	// directWrite is how long a frame may be to be written under the lock of the
	// pool.
	directWrite = 32 << 10
	// maxWaiting is how many frames may wait for a worker to read.
	maxWaiting = 4
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
	poller  *poller
	run     string // names the pool in the marks of its processes
}

func (f *processes) close() { f.cleanUp() }

func (f *processes) start(n int, tell func(message)) backend {
	w := &process{
		f: f, number: n, tell: tell,
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

// process is one worker process. Its run owns one goroutine beside itself, that
// of package proc which copies the output. Who serves the poller reads.
type process struct {
	f      *processes
	number int
	tell   func(message)

	conn    *channel
	retired chan struct{} // closed by the first retire
	once    sync.Once
	ended   chan ending // holds the first reason to end the process

	reading sync.Mutex // guards all below
	in      *worker.Decoder
	greeted bool // the first frame was read
	gone    bool // and the last
}

func (w *process) give(j *job) bool { return w.send(j.frame) }

func (w *process) cancel(id uint64) {
	w.send(worker.Frame{Kind: worker.Cancel, ID: id}.Append(nil))
}

// send returns false where the worker has not read what it answered.
func (w *process) send(frame []byte) bool {
	waiting := w.conn.write(frame)
	if waiting > 0 {
		w.f.poller.wake()
	}
	return waiting <= maxWaiting
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
	w.conn, w.in = conn, worker.NewDecoder(conn, int(w.f.o.MaxFrame))
	w.f.poller.add(w) // the dispatcher gives it jobs from ready on

	reason := w.watch(p, conn)
	end := p.Wait()
	w.f.poller.remove(w)
	w.readRest() // what it answered before its end
	if w.f.gauge != nil {
		exit.Peak = w.f.gauge.Untrack(w.id()).Peak
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
		conn.close()
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

// read tells the dispatcher what the worker has sent. It reads once, so that
// one that sends without end does not keep the others waiting.
func (w *process) read() {
	w.reading.Lock()
	defer w.reading.Unlock()
	w.conn.readable = true
	for !w.gone {
		f, err := w.in.Next()
		if err == nil {
			err = w.take(f)
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, syscall.EAGAIN):
			return
		}
		w.gone = true
		w.conn.stopReading()
		w.tell(message{worker: w.number, kind: leaving})
		if isEnd(err) {
			w.retire() // it has closed its end, and so it has nothing more to do
		} else {
			w.end(ending{breach: "it broke the protocol: " + err.Error()})
		}
	}
}

// readRest reads all that is there, and closes the channel.
func (w *process) readRest() {
	late := time.Now().Add(retireGrace) // where a process that it has left goes on to write
	for more := true; more && time.Now().Before(late); {
		w.read()
		w.reading.Lock()
		more = !w.gone && !w.conn.empty
		w.reading.Unlock()
	}
	w.reading.Lock()
	defer w.reading.Unlock()
	w.gone = true
	w.conn.close()
}

func (w *process) take(f worker.Frame) error {
	first := !w.greeted
	w.greeted = true
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
	var reset syscall.Errno // it ended with unread frames
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &reset)
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
