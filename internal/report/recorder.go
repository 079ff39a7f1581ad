package report

import (
	"encoding/json"
	"errors"
	"os"
	"sync"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/tally"
)

// Recorder writes a run's events to a file, one JSON object a line. Each event is
// written before the next is taken, so the record of a killed run can be read.
type Recorder struct {
	mu   sync.Mutex
	file *os.File
	err  error // the first failure; nothing is written after it
}

// NewRecorder creates the file.
func NewRecorder(path string) (*Recorder, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &Recorder{file: f}, nil
}

// Take writes the event.
func (r *Recorder) Take(s event.Stamped, _ *tally.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	text, err := json.Marshal(s)
	if err == nil {
		_, err = r.file.Write(append(text, '\n'))
	}
	r.err = err
}

// Close ends the file and returns the first error of all writes.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.err, r.file.Close())
}
