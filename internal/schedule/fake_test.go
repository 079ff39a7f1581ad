package schedule

import (
	"context"
	"time"

	"github.com/heapmage/heapmage/memtools/oom"
)

// fakeAttempt holds its slot and its memory for as long as it takes.
type fakeAttempt struct {
	*play
	Grant
	orders chan kind
	done   chan Outcome
}

func (a *fakeAttempt) Freeze()              { a.orders <- freeze }
func (a *fakeAttempt) Thaw()                { a.orders <- thaw }
func (a *fakeAttempt) Done() <-chan Outcome { return a.done }
func (a *fakeAttempt) Stop(why Stop) {
	if why == AsLast {
		a.orders <- giveUp
	} else {
		a.orders <- stop
	}
}

func (a *fakeAttempt) run(ctx context.Context) {
	j := a.byID[a.ID]
	left, frozen := j.takes, false
	for {
		since := time.Now()
		var over <-chan time.Time
		if !frozen {
			over = time.After(left)
		}
		select {
		case <-over:
			a.end(j.outcomes[min(a.Attempt, len(j.outcomes))-1])
			return
		case <-ctx.Done():
			a.end(Outcome{Result: Failed, Cause: oom.Interrupted})
			return
		case order := <-a.orders:
			if !frozen {
				left -= time.Since(since)
			}
			switch order {
			case freeze, thaw:
				frozen = order == freeze
			case stop:
				a.end(Outcome{Result: Again, Cause: oom.PressureStop})
				return
			case giveUp, putOff, yield, collect:
				a.mu.Lock()
				a.breach("gave up on %s, which keeps to its need", a.ID)
				a.mu.Unlock()
			}
		}
	}
}

func (a *fakeAttempt) end(o Outcome) {
	a.mu.Lock()
	delete(a.running, a.ID)
	a.sent[a.ID] = append(a.sent[a.ID], o)
	if o.Result != Again {
		a.settle(a.ID, fateOf(o.Result))
	}
	a.mu.Unlock()
	a.done <- o
}
