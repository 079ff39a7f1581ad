package session

import (
	"slices"
	"sync"

	"github.com/heapmage/heapmage/internal/event"
)

// mostWaiting is how many events an outbox holds at most before it thins out samples.
const mostWaiting = 256

// outbox emits events in order on a goroutine of its own. It keeps the meter
// measuring, and with it the run inside its memory, while the log cannot be written:
// the reader of a pipe may take its time.
type outbox struct {
	emit    func(event.Event)
	emitter sync.WaitGroup

	mu      sync.Mutex // guards all below
	waiting []event.Event
	running bool // the goroutine, which ends when nothing waits
}

// send has e emitted soon. It never waits.
func (o *outbox) send(e event.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiting = append(o.waiting, e); len(o.waiting) > mostWaiting {
		o.waiting = thinned(o.waiting)
	}
	if !o.running {
		o.running = true
		o.emitter.Go(o.run)
	}
}

func (o *outbox) run() {
	for e, ok := o.next(); ok; e, ok = o.next() {
		o.emit(e)
	}
}

func (o *outbox) next() (event.Event, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.running = len(o.waiting) > 0; !o.running {
		o.waiting = nil
		return nil, false
	}
	e := o.waiting[0]
	o.waiting = slices.Delete(o.waiting, 0, 1)
	return e, true
}

// flush waits until everything has been emitted. Nothing may be sent meanwhile.
func (o *outbox) flush() { o.emitter.Wait() }

// thinned keeps of each two samples the one with the higher usage, and all other
// events, which are few.
func thinned(events []event.Event) []event.Event {
	kept := events[:0]
	last := -1 // the place in kept of a sample without a partner
	for _, e := range events {
		sample, is := e.(event.Sample)
		switch {
		case !is:
			kept = append(kept, e)
		case last < 0:
			last = len(kept)
			kept = append(kept, e)
		default:
			if earlier, _ := kept[last].(event.Sample); sample.Usage > earlier.Usage {
				kept[last] = sample
			}
			last = -1
		}
	}
	clear(events[len(kept):])
	return kept
}
