package event

import (
	"sync"
	"time"
)

// Sink takes the events of a run, one at a time and in order. It must be quick:
// the run waits for it.
type Sink interface{ Take(Stamped) }

// Stream puts events in a total order and hands each to every sink. The zero
// value has no sinks. Emit may be called by many goroutines.
type Stream struct {
	mu    sync.Mutex
	seq   int
	now   func() time.Time
	sinks []Sink
}

// NewStream returns a stream to the given sinks; now is the clock.
func NewStream(now func() time.Time, sinks ...Sink) *Stream {
	return &Stream{now: now, sinks: sinks}
}

// Emit hands e to every sink before it returns.
func (s *Stream) Emit(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	stamped := Stamped{Seq: s.seq, Time: s.now(), Event: e}
	for _, sink := range s.sinks {
		sink.Take(stamped)
	}
}
