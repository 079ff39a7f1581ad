package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
	"github.com/heapmage/heapmage/pool/internal/channel"
	"github.com/heapmage/heapmage/pool/internal/frame"
)

const (
	// retireGrace is how long a worker may take to end after its channel is closed.
	retireGrace = 500 * time.Millisecond
	// oomScore makes the kernel choose a worker before this process. It is
	// moderate: with 1000 the smallest helper would go before a huge compiler.
	oomScore = 300
	// maxWaiting is how many frames may wait for a worker to read.
	maxWaiting = 4
)

// Worker is one worker process. Its methods do not block and may be called by
// many goroutines, Give and Cancel once it is ready.
type Worker struct {
	group  *Group
	number int
	news   News

	conn    *channel.Channel
	retired chan struct{} // closed by the first Retire
	once    sync.Once
	ended   chan Reason // holds the first reason to end the process

	reading sync.Mutex // guards all below
	in      *frame.Decoder
	greeted bool // the first frame was read
	gone    bool // and the last
}

// Start begins a worker and returns at once.
func (g *Group) Start(number int, news News) *Worker {
	w := &Worker{group: g, number: number, news: news, retired: make(chan struct{}), ended: make(chan Reason, 1)}
	go w.run()
	return w
}

// Give sends a task, a whole frame. It returns false if the worker does not
// read what it is sent.
func (w *Worker) Give(task []byte) bool {
	waiting := w.conn.Send(task)
	if waiting > 0 {
		w.group.Poller.Wake()
	}
	return waiting <= maxWaiting
}

// Cancel tells the worker that the answer to a task is not awaited any more.
func (w *Worker) Cancel(id uint64) {
	w.Give(frame.Frame{Kind: frame.Cancel, ID: id}.Append(nil))
}

// Retire lets a worker without a task end by itself; soon after it is stopped.
func (w *Worker) Retire() { w.once.Do(func() { close(w.retired) }) }

// End kills the worker. The first reason counts.
func (w *Worker) End(r Reason) {
	select {
	case w.ended <- r:
	default: // there is one already
	}
}

// run is the worker from start to end.
func (w *Worker) run() {
	g := w.group
	before, countErr := memtools.OOMKills()
	out := newOutput(g.Log, w.number)
	p, conn, err := w.begin(out)
	if err != nil {
		exit := Exit{ExitCode: -1, Evidence: oom.Evidence{ExitCode: -1, HeapLimit: g.HeapLimit}}
		exit.Hint, exit.Err = explain(err)
		w.news.Ended(w.number, exit)
		return
	}
	id := g.ID(w.number)
	if g.Tracker != nil {
		g.Tracker.Track(id, p.PID())
	}
	w.news.Started(w.number, p.PID())
	w.conn, w.in = conn, frame.NewDecoder(conn, int(g.MaxFrame))
	g.Poller.Add(conn, w.read) // tasks come after ready, and so after this

	reason := w.watch(p, conn)
	end := p.Wait()
	g.Poller.Remove(conn)
	w.readRest() // what it answered before its end
	exit := Exit{PID: p.PID(), ExitCode: end.ExitCode, Signal: end.Signal, Survivors: end.Survivors, Breach: reason.Breach}
	if g.Tracker != nil {
		exit.Peak = g.Tracker.Untrack(id).Peak
	}
	exit.Evidence = oom.Evidence{
		ExitCode: end.ExitCode, Signal: oom.SignalNumber(end.Signal), HeapLimit: g.HeapLimit, Stopped: reason.Stop,
	}
	exit.Output, exit.Evidence.Seen = out.end()
	if after, err := memtools.OOMKills(); err == nil && countErr == nil {
		grown := after.Since(before)
		exit.Evidence.CgroupOOMKill, exit.Evidence.HostOOMKill = grown.Cgroup.Value > 0, grown.Host.Value > 0
	}
	w.news.Ended(w.number, exit)
}

// begin starts the process with its channel.
func (w *Worker) begin(out io.Writer) (*proc.Process, *channel.Channel, error) {
	g := w.group
	args, err := g.Program.Args()
	if err != nil {
		return nil, nil, err
	}
	conn, theirs, err := channel.New()
	if err != nil {
		return nil, nil, err
	}
	env := append(os.Environ(), g.Env...)
	env = append(env, g.Program.Env...)
	env = append(env, frame.FDEnv+"=3", frame.VersionEnv+"="+strconv.Itoa(frame.Version))
	p, err := proc.Start(proc.Command{
		Args: args, Dir: g.Dir, Env: env, Output: out, ID: g.ID(w.number),
		OOMScoreAdj: oomScore, ExtraFiles: []*os.File{theirs},
	})
	_ = theirs.Close()
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return p, conn, nil
}

// explain separates the hint of an error of package proc from its text: the
// pool's users know neither that type nor its layout.
func explain(err error) (hint string, plain error) {
	var p *problem.Error
	if !errors.As(err, &p) {
		return "", err
	}
	without := *p
	without.Hint = ""
	if p.Cause == nil {
		return p.Hint, errors.New(without.Error())
	}
	without.Cause = nil
	return p.Hint, fmt.Errorf("%s: %w", without.Error(), p.Cause)
}

// watch waits for the end of the process, and brings it about when asked to.
func (w *Worker) watch(p *proc.Process, conn *channel.Channel) (reason Reason) {
	retired := w.retired
	var late <-chan time.Time
	for {
		select {
		case <-p.Done():
			select {
			case reason = <-w.ended: // it was asked to, and ended just before
			default:
			}
			return reason
		case <-retired:
			retired = nil
			conn.HalfClose()
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

// read reports what the worker has sent. The poller calls it.
func (w *Worker) read() {
	w.reading.Lock()
	defer w.reading.Unlock()
	w.conn.AllowRead()
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
		w.conn.StopReading()
		w.news.Leaving(w.number)
		if isEnd(err) {
			w.Retire() // it has closed its end, so it has nothing more to do
		} else {
			w.End(Reason{Breach: "it broke the protocol: " + err.Error()})
		}
	}
}

// readRest reads all that is there, and closes the channel.
func (w *Worker) readRest() {
	late := time.Now().Add(retireGrace) // in case a process that it left goes on writing
	for more := true; more && time.Now().Before(late); {
		w.read()
		w.reading.Lock()
		more = !w.gone && !w.conn.Drained()
		w.reading.Unlock()
	}
	w.reading.Lock()
	defer w.reading.Unlock()
	w.gone = true
	w.conn.Close()
}

func (w *Worker) take(f frame.Frame) error {
	first := !w.greeted
	w.greeted = true
	switch {
	case f.Kind == frame.Ready && first && f.V != frame.Version:
		return fmt.Errorf("it speaks version %d, this pool speaks %d", f.V, frame.Version)
	case f.Kind == frame.Ready && first:
		w.news.Ready(w.number)
	case first:
		return fmt.Errorf("its first frame is %q, not %q", f.Kind, frame.Ready)
	case f.Kind == frame.Result, f.Kind == frame.Failed:
		w.news.Answered(w.number, f)
	}
	return nil // other kinds are of a later version, or need no reaction
}

// isEnd reports whether err means that the process ends, rather than that it
// sends nonsense.
func isEnd(err error) bool {
	var reset syscall.Errno // it ended with unread frames
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &reset)
}
