package report

import (
	"encoding/json"
	"errors"
	"io"
	"sync"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/tally"
)

// Recorder writes a run's events, one JSON object a line. Each event is
// written before the next is taken, so the record of a killed run can be read.
type Recorder struct {
	mu  sync.Mutex
	out io.WriteCloser
	err error // the first failure; nothing is written after it
}

// NewRecorder writes to out, which Close closes.
func NewRecorder(out io.WriteCloser) *Recorder { return &Recorder{out: out} }

// Take writes the event.
func (r *Recorder) Take(s event.Stamped, _ *tally.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	text, err := json.Marshal(s)
	if err == nil {
		_, err = r.out.Write(append(text, '\n'))
	}
	r.err = err
}

// Err is the first failure so far. The record ends before it.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Close ends the record and returns the first error of all writes.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.err, r.out.Close())
}
