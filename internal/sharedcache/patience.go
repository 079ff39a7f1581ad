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
// one more that is under way then.
const (
	// mostLost is the time in requests that fail after which none is made any more.
	mostLost = 10 * time.Second
	// inARow is how many may fail with no other between.
	inARow = 8
	// soon is what a small request may take, and what a large one may take before it must show that
	// it pays.
	soon = 5 * time.Second
)

// patience is a circuit breaker: it ends the use of a store that costs more than it may.
type patience struct {
	most time.Duration

	mu     sync.Mutex
	over   error         // why there are no more requests
	lost   time.Duration // in requests that failed
	failed int           // in a row
	stops  map[int]context.CancelCauseFunc
	next   int
}

func newPatience(most time.Duration) *patience {
	return &patience{most: most, stops: map[int]context.CancelCauseFunc{}}
}

// errOver means that the store is not used any more.
var errOver = errors.New("the shared cache is not used any more")

// errSlow means that a request took too long.
var errSlow = errors.New("it does not answer in time")

// begin begins a request, which ends after a time, and at once when patience is over.
func (p *patience) begin(ctx context.Context, most time.Duration) (_ context.Context, giveUp context.CancelCauseFunc, end func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over != nil {
		return nil, nil, nil, p.over
	}
	ctx, stop := context.WithCancelCause(ctx)
	id := p.next
	p.next++
	p.stops[id] = stop
	ctx, cancel := context.WithTimeoutCause(ctx, most, errSlow)
	return ctx, stop, func() {
		cancel()
		stop(nil)
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.stops, id)
	}, nil
}

// end counts how a request ended. The text tells why there are no more from now on; it is empty unless
// this one was the last.
func (p *patience) end(err error, took time.Duration) (why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.over != nil:
		return ""
	case isAnswer(err):
		p.failed = 0
		return ""
	case errors.Is(err, objectstore.ErrRefused):
		why = err.Error()
	default:
		p.failed++
		p.lost += took
		switch {
		case p.lost >= p.most:
			why = fmt.Sprintf("%v; %.0f s were lost to it", err, p.lost.Seconds())
		case p.failed >= inARow:
			why = fmt.Sprintf("%v; %d requests in a row have failed", err, p.failed)
		default:
			return ""
		}
	}
	p.give()
	return why
}

// give ends all requests, and allows no more. Hold the mutex.
func (p *patience) give() {
	p.over = errOver
	for _, stop := range p.stops {
		stop(errOver)
	}
}

// isOver reports whether there are no more requests.
func (p *patience) isOver() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.over != nil
}
