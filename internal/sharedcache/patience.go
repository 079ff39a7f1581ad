package sharedcache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/objectstore"
)

// What a store may cost that is of no use. A run loses no more than mostLost to requests that fail, and
// those that are under way then.
const (
	// mostLost is the time in requests that fail after which none is made any more.
	mostLost = 10 * time.Second
	// inARow is how many may fail with no other between.
	inARow = 5
	// usual is what a request may take that brings no result. What it takes beyond that is lost.
	usual = 300 * time.Millisecond
	// soon is what a small request may take, and what a large one may take before it must show that
	// it pays.
	soon = 5 * time.Second
)

// direction is what is done with a store: a credential may be good for one of them only.
type direction int

const (
	reading direction = iota
	writing
	directions
)

// patience is a circuit breaker: it ends the use of a store that costs more than it may.
type patience struct {
	mu     sync.Mutex
	over   [directions]bool
	lost   time.Duration // in requests that failed
	failed int           // in a row
	slow   time.Duration // lost in answers that came late, less what results have saved
	faults int           // in reading
	fault  error         // the last one
	stops  [directions]map[int]context.CancelCauseFunc
	next   int
}

// errOver means that the store is not used any more.
var errOver = errors.New("the shared cache is not used any more")

// errSlow means that a request took too long.
var errSlow = errors.New("it does not answer in time")

// begin begins a request, which ends after a time, and at once when patience is over.
func (p *patience) begin(ctx context.Context, d direction, most time.Duration) (_ context.Context, giveUp context.CancelCauseFunc, end func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over[d] {
		return nil, nil, nil, errOver
	}
	ctx, stop := context.WithCancelCause(ctx)
	id := p.next
	p.next++
	if p.stops[d] == nil {
		p.stops[d] = map[int]context.CancelCauseFunc{}
	}
	p.stops[d][id] = stop
	ctx, cancel := context.WithTimeoutCause(ctx, most, errSlow)
	return ctx, stop, func() {
		cancel()
		stop(nil)
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.stops[d], id)
	}, nil
}

// earn counts what a result has saved.
func (p *patience) earn(saved time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow -= saved
}

// end counts how a request ended, and whether it brought a result. The text tells why there are no more from
// now on; it is empty unless this one was the last.
func (p *patience) end(d direction, err error, result bool, took time.Duration) (why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.over[d]:
		return ""
	case isAnswer(err):
		p.failed = 0
		if d == reading && !result {
			p.slow += max(0, took-usual)
		}
		if p.slow < mostLost {
			return ""
		}
		p.give(reading)
		p.give(writing)
		return fmt.Sprintf("it is not used any more: it is slow, and cost %.0f s more than it has saved", p.slow.Seconds())
	case errors.Is(err, objectstore.ErrRefused):
		p.give(d)
		if d == writing {
			return "it stores nothing: " + err.Error()
		}
		return "it is not used any more: " + err.Error()
	}
	if d == reading {
		p.faults, p.fault = p.faults+1, err
	}
	p.failed++
	p.lost += took
	switch {
	case p.lost >= mostLost:
		why = fmt.Sprintf("it is not used any more: %v; %.0f s were lost to it", err, p.lost.Seconds())
	case p.failed >= inARow:
		why = fmt.Sprintf("it is not used any more: %v; %d requests in a row have failed", err, p.failed)
	default:
		return ""
	}
	p.give(reading)
	p.give(writing)
	return why
}

// faulty tells of requests that have failed, if there were too few of them to give the store up.
func (p *patience) faulty() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over[reading] || p.faults == 0 {
		return ""
	}
	return fmt.Sprintf("not all of it could be read: %v", p.fault)
}

// give ends all requests of a direction, and allows no more. Hold the mutex.
func (p *patience) give(d direction) {
	p.over[d] = true
	for _, stop := range p.stops[d] {
		stop(errOver)
	}
}

// giveAll ends all requests.
func (p *patience) giveAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.give(reading)
	p.give(writing)
}

// isOver reports whether there are no more requests in a direction.
func (p *patience) isOver(d direction) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.over[d]
}
