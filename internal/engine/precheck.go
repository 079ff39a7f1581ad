package engine

import (
	"github.com/heapmage/heapmage/internal/budget"
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/memtools"
)

// supply is the memory that a run may use now.
func (p *place) supply() (s budget.Supply, err error) {
	s.Max, s.Source = p.granted, p.budgetSource
	if p.granted < p.maxBudget {
		s.Source = budget.Granted(p.granted)
	}
	s.Limits, err = memtools.ReadLimits()
	return s, err
}

// moreRoom tells how to give the run more memory. It is empty if that cannot be told.
func (p *place) moreRoom(want memtools.Bytes) string {
	s, err := p.supply()
	if err != nil {
		return ""
	}
	return s.Advice(want)
}

// precheck compares the free memory with the largest known need before anything
// starts. known has the prediction of each task. If it is too little, build:safe gets an error and other modes a warning.
func (r *run) precheck(known []estimate.Prediction) error {
	s, err := r.supply()
	if err != nil {
		return nil //nolint:nilerr // this check is an extra: the budget still holds
	}
	largest, task := memtools.Bytes(0), ""
	for i, t := range r.graph.Tasks {
		if k := known[i]; k.Basis == estimate.FromHistory && k.Need > largest {
			largest, task = k.Need, t.ID
		}
	}
	notice, err := s.Check(r.mode, largest, task)
	if notice.Text != "" {
		r.session.Events.Emit(notice)
	}
	return err
}
