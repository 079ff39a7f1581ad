package report

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/footer"
)

// The bounds of what waits to be written. Together with one batch that is being
// written they keep a queue under 3 MB, however much is printed and however slowly
// it is read.
const (
	// mostHeld is the most that is kept of scripts' output, in bytes. More of it waits
	// as places in the log files.
	mostHeld = 256 << 10
	// mostPieces is how many pieces wait in the order in which they came. Beyond it a
	// task has one piece that grows, so pieces of other tasks may be printed later
	// than they were written, but never after the end of their task.
	mostPieces = 4096
	// mostWaiting is from where lines about a state that passes are left out, in bytes.
	mostWaiting = 1 << 20
	// mostTogether is the largest text that small ones are joined to.
	mostTogether = 64 << 10
)

var (
	// errUnread is that of a reader that did not take everything before the run had to end.
	errUnread = errors.New("it was not read to its end")
	// errAbandoned is that of a write that was given up.
	errAbandoned = errors.New("abandoned")
)

// pace is the least time between two batches, unless much waits. Many small pieces
// would otherwise each wake the goroutine and be a write.
const pace = 4 * time.Millisecond

// patience is how long a run that is to end still waits for a reader.
const patience = 500 * time.Millisecond

// piece is one thing that waits to be written.
type piece interface {
	// print writes the piece. The error is that of to.
	print(to io.Writer) error
}

// text is written as it is.
type text struct{ bytes []byte }

// buffers are for texts that are likely to grow to mostTogether. Without them much
// output would be much garbage.
var buffers = sync.Pool{New: func() any { return new([mostTogether]byte) }}

// small is up to which size a text gets no buffer.
const small = 4 << 10

// newText returns a text that holds a copy of b.
func newText(b []byte) *text {
	if len(b) <= small || len(b) > mostTogether {
		return &text{append([]byte(nil), b...)}
	}
	buf, _ := buffers.Get().(*[mostTogether]byte)
	return &text{append(buf[:0], b...)}
}

func (t *text) print(to io.Writer) error {
	_, err := to.Write(t.bytes)
	if cap(t.bytes) == mostTogether {
		buffers.Put((*[mostTogether]byte)(t.bytes[:mostTogether]))
	}
	t.bytes = nil
	return err
}

// queue writes from a goroutine of its own, so that adding never waits for the
// writer. It keeps the order. After a failed write everything is dropped.
type queue struct {
	out       io.Writer
	abandoned chan struct{}   // closed by end to give up a write that waits
	hurry     chan struct{}   // received from by rest; never closed
	done      chan struct{}   // closed by run, last of all; err no longer changes
	over      <-chan struct{} // closed when the run is to end
	forget    func() bool     // of over

	mu        sync.Mutex // guards all below
	changed   *sync.Cond
	pieces    []piece
	size      int  // of the texts among them, in bytes
	writing   bool // a batch that was taken
	ended     bool // nothing is added any more
	impatient bool // the run is to end
	err       error
	// footer are the lines that are to stand under all that was written, and stale is set if
	// others do. Only the last ones wait, so a reader that stops leaves no more than these.
	footer []string
	stale  bool
	clear  bool // no lines stand there, whichever are to
}

// newQueue starts a queue to out. Once ctx is done nothing waits for out much longer.
// Close it with end.
func newQueue(ctx context.Context, out io.Writer) *queue {
	q := &queue{abandoned: make(chan struct{}), hurry: make(chan struct{}, 1), done: make(chan struct{}), over: ctx.Done()}
	q.changed = sync.NewCond(&q.mu)
	q.out = polled(out, q.abandoned)
	q.forget = context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.impatient = true
		q.underLocked(nil)
		q.changed.Broadcast()
	})
	go q.run()
	return q
}

// run writes until the queue has ended and is empty, or a write fails.
func (q *queue) run() {
	defer close(q.done)
	for batch, lines, more := q.take(); more; batch, lines, more = q.take() {
		if err := q.print(batch, lines); err != nil {
			q.fail(err)
			return
		}
		q.rest()
	}
}

func (q *queue) print(batch []piece, lines []string) error {
	for i, p := range batch {
		if err := p.print(q.out); err != nil {
			return err
		}
		batch[i] = nil // it may be large
	}
	if s, ok := q.out.(*footer.Screen); ok {
		return s.Show(lines)
	}
	return nil
}

// rest lets more pieces come together.
func (q *queue) rest() {
	t := time.NewTimer(pace)
	defer t.Stop()
	select {
	case <-t.C:
	case <-q.hurry:
	}
}

// hurryLocked ends a rest, or the next one if there is none now.
func (q *queue) hurryLocked() {
	select {
	case q.hurry <- struct{}{}:
	default:
	}
}

// take waits for pieces, or another footer, and returns all that there are. There are no more
// at the end.
func (q *queue) take() (batch []piece, lines []string, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.writing = false
	q.changed.Broadcast()
	for len(q.pieces) == 0 && !q.stale && !q.ended {
		q.changed.Wait()
	}
	batch = q.pieces
	q.writing = len(batch) > 0 || q.stale
	q.stale = false
	for _, p := range batch {
		if part, ok := p.(*part); ok {
			part.source.waiting = nil // it must not grow while it is printed
		}
	}
	q.pieces, q.size = nil, 0
	q.changed.Broadcast() // there is room
	return batch, q.footer, q.writing
}

// onScreen lets lines stand under what is written, on a terminal of that width, and tells standing
// whether any do. It comes before the first piece.
func (q *queue) onScreen(width func() int, standing func(on bool)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := footer.NewScreen(q.out, width)
	s.Standing = standing
	q.out = s
}

// under has these lines stand under all that was written, from now on and in place of others.
func (q *queue) under(lines []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.underLocked(lines)
}

// underLocked has none stand there once the run is to end: this process may be ended at any
// moment then.
func (q *queue) underLocked(lines []string) {
	if q.clear || q.impatient {
		lines = nil
	}
	if !slices.Equal(lines, q.footer) {
		q.footer, q.stale = lines, true
		q.changed.Broadcast()
	}
}

// keepClear has no lines stand under what was written, until it is called with false.
func (q *queue) keepClear(on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.clear = on
	q.underLocked(nil)
}

// settle waits until all that was written so far, and the footer, are on the terminal; at most
// for a moment.
func (q *queue) settle() {
	over := time.Now().Add(patience)
	t := time.AfterFunc(patience, q.changed.Broadcast)
	defer t.Stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.busyLocked() && time.Now().Before(over) {
		q.hurryLocked()
		q.changed.Wait()
	}
}

// busyLocked reports whether something waits or is being written.
func (q *queue) busyLocked() bool {
	return q.err == nil && (q.writing || q.stale || len(q.pieces) > 0)
}

func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.err, q.pieces, q.size, q.stale = err, nil, 0, false
	q.changed.Broadcast()
}

// add queues a copy of b.
func (q *queue) add(b []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.addLocked(b)
}

func (q *queue) addLocked(b []byte) {
	if q.err != nil || len(b) == 0 {
		return
	}
	if q.size += len(b); q.size >= mostTogether {
		q.hurryLocked()
	}
	if n := len(q.pieces); n > 0 {
		if last, ok := q.pieces[n-1].(*text); ok && len(last.bytes)+len(b) <= mostTogether {
			last.bytes = append(last.bytes, b...)
			return
		}
	}
	q.pushLocked(newText(b))
}

// push queues a piece.
func (q *queue) push(p piece) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.pushLocked(p)
	}
}

func (q *queue) pushLocked(p piece) {
	q.pieces = append(q.pieces, p)
	q.changed.Broadcast()
}

// follow queues what a script wrote: a copy of b, which is how it is printed, while
// little waits; otherwise only its place in the log, which ends at the offset to.
func (q *queue) follow(s *source, b []byte, to int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	from := s.queued
	s.queued = to
	switch {
	case q.err != nil:
	case s.waiting != nil && (len(q.pieces) > mostPieces || q.pieces[len(q.pieces)-1] == s.waiting):
		s.waiting.to = to
	case s.waiting == nil && q.size+len(b) <= mostHeld:
		q.addLocked(b)
	case s.log != "":
		s.waiting = &part{source: s, from: from, to: to}
		q.pushLocked(s.waiting)
	case !q.impatient: // await found room that has gone since
		q.addLocked(b)
	}
}

// await waits for room for output that is in no log, unless the run is to end.
func (q *queue) await() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.size >= mostHeld && !q.impatient && q.err == nil {
		q.changed.Wait()
	}
}

// holds reports whether n more bytes of scripts' output may be kept in memory.
func (q *queue) holds(n int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.size+n <= mostHeld
}

// flush waits until everything so far was written, and returns the error of the writer.
func (q *queue) flush() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.busyLocked() {
		q.hurryLocked()
		q.changed.Wait()
	}
	return q.err
}

// full reports whether so much waits that what can be left out should be.
func (q *queue) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.size > mostWaiting
}

// end waits until everything was written or refused; once the run is to end, for a
// moment only. The error is that of the writer, or errUnread. A writer that cannot be
// polled may hold the goroutine for longer: it is left with it.
func (q *queue) end() error {
	q.mu.Lock()
	q.ended = true
	q.underLocked(nil)
	q.hurryLocked()
	q.changed.Broadcast()
	q.mu.Unlock()
	defer q.forget()
	select {
	case <-q.done:
		return q.err
	case <-q.over:
	}
	if q.endsWithin(patience) {
		return q.err
	}
	close(q.abandoned)
	if q.endsWithin(patience) && !errors.Is(q.err, errAbandoned) {
		return q.err
	}
	return errUnread
}

func (q *queue) endsWithin(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-q.done:
		return true
	case <-t.C:
		return false
	}
}

// patient returns a writer for a file that waits, as a console does, until it was
// read or ctx is done.
func patient(ctx context.Context, f *os.File) io.Writer { return polled(f, ctx.Done()) }
