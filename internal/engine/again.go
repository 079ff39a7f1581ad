package engine

import (
	"context"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/session"
	"github.com/heapmage/heapmage/internal/tally"
)

// Repeated is a run that other runs follow in the same process.
type Repeated struct {
	Request
	// Because is why it runs; one without text is not printed.
	Because event.Notice
	// Begins is called with what runs, before anything does. It is not called if there is
	// nothing to run.
	Begins func(*plan.Plan)
	// Reporter takes the events of the run.
	Reporter tally.Reporter
}

// Run runs it to its end, or until runs is done, which is outer or ends with it. The caller
// sees to signals (session.Stoppable).
func (r Repeated) Run(outer, runs context.Context) error {
	session.KeepSmall()
	p, planned, err := prepareRun(runs, r.Request, false)
	if err != nil || planned.Unaffected != "" && r.Again != nil {
		return err
	}
	if planned.Unaffected != "" {
		return report.Say(outer, p.Environ, event.Notice{Kind: event.NothingToDo, Text: planned.Unaffected})
	}
	if r.Because.Text != "" {
		p.Notices = append([]event.Notice{r.Because}, p.Notices...)
	}
	r.Begins(planned)
	session.Prepared(false)
	return newRun(p, planned).all(outer, runs, []tally.Reporter{r.Reporter})
}
