package report

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/tally"
)

// Recorder writes a run's events, one JSON object a line. They are written within
// milliseconds, so the record of a killed run can be read; but Take does not wait for
// that, so a slow disk holds nothing up.
type Recorder struct {
	out   io.Closer
	queue *queue

	mu      sync.Mutex // guards all below
	err     error      // the first of an event that has no JSON form
	leftOut int        // samples that a slow disk kept out of the record
}

// NewRecorder writes to out, which Close closes.
func NewRecorder(out io.WriteCloser) *Recorder {
	return &Recorder{out: out, queue: newQueue(context.Background(), onlyWriter{out})}
}

// onlyWriter hides that a writer is a file: a record is not polled.
type onlyWriter struct{ io.Writer }

// Take records the event.
func (r *Recorder) Take(s event.Stamped, _ *tally.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := s.Event.(event.Sample); ok && r.queue.full() {
		r.leftOut++
		return
	}
	text, err := json.Marshal(s)
	if err != nil {
		r.err = cmp.Or(r.err, err)
		return
	}
	r.queue.add(append(text, '\n'))
}

// Err waits until all events so far are written, and returns why the record is not
// complete, nil if it is. After a failed write it ends.
func (r *Recorder) Err() error {
	err := r.queue.flush()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err = cmp.Or(r.err, err); err == nil && r.leftOut > 0 {
		err = fmt.Errorf("the disk is too slow: %s left out", printable.Count(r.leftOut, "sample"))
	}
	return err
}

// Close ends the record and returns the first error of all writes.
func (r *Recorder) Close() error {
	_ = r.queue.end() // Err has it
	return errors.Join(r.Err(), r.out.Close())
}
